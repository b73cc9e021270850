"""What runs, and when: jobs over selections of the asset graph."""
