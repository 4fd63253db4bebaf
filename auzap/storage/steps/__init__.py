"""What is decided at each step of a turn, whatever the database is: all calls that wait, in one transaction."""
