// check URL CA LEAF HASH METHOD - "good", "revoked REASON", or "refused: why", as
// golang.org/x/crypto/ocsp finds it.
package main

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"

	"golang.org/x/crypto/ocsp"
)

func must(err error) {
	if err != nil {
		fmt.Println("refused:", err)
		os.Exit(1)
	}
}

func read(path string) *x509.Certificate {
	text, err := os.ReadFile(path)
	must(err)
	block, _ := pem.Decode(text)
	certificate, err := x509.ParseCertificate(block.Bytes)
	must(err)
	return certificate
}

func ask(method string, responder string, request []byte) (*http.Response, error) {
	if method == "GET" {
		return http.Get(responder + url.QueryEscape(base64.StdEncoding.EncodeToString(request)))
	}
	return http.Post(responder, "application/ocsp-request", bytes.NewReader(request))
}

func main() {
	hashes := map[string]crypto.Hash{"sha1": crypto.SHA1, "sha256": crypto.SHA256,
		"sha384": crypto.SHA384, "sha512": crypto.SHA512}
	issuer, leaf := read(os.Args[2]), read(os.Args[3])
	request, err := ocsp.CreateRequest(leaf, issuer, &ocsp.RequestOptions{Hash: hashes[os.Args[4]]})
	must(err)
	reply, err := ask(os.Args[5], os.Args[1], request)
	must(err)
	octets, err := io.ReadAll(reply.Body)
	must(err)
	answer, err := ocsp.ParseResponseForCert(octets, leaf, issuer)
	must(err)
	if answer.Status == ocsp.Revoked {
		fmt.Println("revoked", answer.RevocationReason)
	} else if answer.Status == ocsp.Good {
		fmt.Println("good")
	}
}
