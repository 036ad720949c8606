"""What nodes that call HTTP services share: sending with repeats, uploads, pages and streamed answers."""
