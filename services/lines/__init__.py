"""Use cases of credit lines: quoting and drawing."""
