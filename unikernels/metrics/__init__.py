"""What monitoring may read of us: one page in the text format of Prometheus, written from the rows."""
