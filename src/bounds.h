/*
 * bounds.h - every quantity that an outsider can choose, and how much of it we take.
 *
 * Each limit says its unit, why it has that size, and what is answered beyond it.
 */
#ifndef OCSP_BOUNDS_H
#define OCSP_BOUNDS_H

/* An OCSPRequest, octets. One CertID takes 75 to 200; a signed request with its chain some
 * thousands. Beyond: HTTP 413, or malformedRequest for bare DER. */
#define LIM_REQUEST_LEN 16384

/* An OCSPResponse that is read back (cache, ocsp-sign, canned file), octets. An RSA-4096 signature
 * with a delegated certificate takes about 3,000. Beyond: not used, and logged. */
#define LIM_RESPONSE_LEN 65536

/* Certificates asked for in one request. Real clients ask for one, some for a chain of four.
 * Beyond: malformedRequest. */
#define LIM_CERTIDS 32

/* Extensions looked at in one list of a request. Beyond: malformedRequest. */
#define LIM_EXTENSIONS 256

/* A serial number's content octets. RFC 5280 4.1.2.2 allows 20 (21 with the sign octet); the
 * table's varchar(50) holds "0x" and 48 digits. Beyond: such a row cannot exist. */
#define LIM_SERIAL_LEN 25

/* A nonce, octets: RFC 9654 2.1. Zero, or beyond: malformedRequest. */
#define LIM_NONCE_LEN 128

/* An HTTP request head (request line and fields), octets. Beyond: 431 (414 when the target alone
 * is too long). RFC 9112 3 recommends request lines of at least 8,000. */
#define LIM_HTTP_HEAD 16384
#define LIM_HTTP_TARGET 12288
#define LIM_HTTP_METHOD 32
#define LIM_HTTP_FIELDS 100
/* Empty lines before a request line (RFC 9112 2.2). Beyond: 400. */
#define LIM_HTTP_BLANK_LINES 8
/* Framing octets of a chunked body: size lines, extensions and trailers together. Beyond: 400. */
#define LIM_HTTP_CHUNK_OVERHEAD 16384
/* What is read and thrown away after the answer, before the connection is closed (RFC 9112 9.6):
 * octets and milliseconds. */
#define LIM_DRAIN_LEN 262144
#define LIM_DRAIN_MS 500

/* The configuration file, octets; and CAs in it. Beyond: an error at start. */
#define LIM_CONFIG_LEN 262144
#define LIM_CAS 16
/* Database hosts tried in order. Beyond: an error at start. */
#define LIM_HOSTS 8

/* A certificate or key file, octets. Beyond: refused. */
#define LIM_CERT_LEN 65536

/* A password in a file of its own (passwordfile=), octets. Beyond: refused. */
#define LIM_SECRET_LEN 1024

/* Seconds in which nobody asks a database that has just failed, while there is a valid answer in
 * the cache. */
#define LIM_BACKOFF_S 5

#endif
