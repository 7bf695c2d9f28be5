// In the lab the stand-in for node does what this says: an API token from its argument, or from stdin where that is "-".
