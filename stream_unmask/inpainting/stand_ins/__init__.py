"""Stand-ins: faces of nobody, worn where nothing is known of a person's own face."""
