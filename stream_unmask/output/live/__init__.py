"""What goes out of a camera: recordings and streams, from one encode of each kind."""
