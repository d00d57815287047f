"""Products, platform settings and the broadcasts of bots: what a chat without a shop could leave out."""
