"""The report as one HTML page: modules that prepare what it shows, and templates that lay it out."""
