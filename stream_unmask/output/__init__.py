"""What happens after a frame is done: encoding, writing, labelling, showing."""
