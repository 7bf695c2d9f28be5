mod fetching;
mod killed;
mod mirroring;
mod recovering;
mod scene;
