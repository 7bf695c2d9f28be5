// In the lab the stand-in for node does what the core does.
