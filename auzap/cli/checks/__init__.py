"""What ``auzap check`` looks at; a file a subject."""
