"""The report as one HTML page: view models, one idea each, and templates that lay them out."""
