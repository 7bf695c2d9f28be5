mod fetching;
mod mirroring;
mod recovering;
mod scene;
