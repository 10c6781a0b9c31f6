# check.pl PORT ROOT - "good", or what IO::Socket::SSL has against the certificate of the TLS server
# on that port: it asks the responder that the certificate names.
use strict;
use warnings;
use IO::Socket::SSL;

my ($port, $root) = @ARGV;
my $socket = IO::Socket::SSL->new(
    PeerAddr => "127.0.0.1:$port", SSL_hostname => 'localhost', SSL_verifycn_name => 'localhost',
    SSL_verifycn_scheme => 'http', SSL_ca_file => $root, Timeout => 10,
    SSL_ocsp_mode => SSL_OCSP_NO_STAPLE | SSL_OCSP_FAIL_HARD) or die "connect: $SSL_ERROR\n";
my $resolver = $socket->ocsp_resolver;
my $error = $resolver->resolve_blocking(timeout => 10);
print $error ? "refused: $error\n" : $resolver->soft_error ? 'soft: ' . $resolver->soft_error . "\n" : "good\n";
