# check.rb URL ROOT CA LEAF HASH - "good", "revoked(N)" or an OCSP status, as Ruby's OpenSSL finds it;
# with a nonce, and everything verified.
require 'net/http'
require 'openssl'

url, root, ca, leaf, hash = ARGV
root, ca, leaf = [root, ca, leaf].map { |path| OpenSSL::X509::Certificate.new(File.read(path)) }
store = OpenSSL::X509::Store.new
[root, ca].each { |certificate| store.add_cert(certificate) }

id = OpenSSL::OCSP::CertificateId.new(leaf, ca, OpenSSL::Digest.new(hash))
request = OpenSSL::OCSP::Request.new
request.add_certid(id)
request.add_nonce
reply = Net::HTTP.post(URI(url), request.to_der, 'Content-Type' => 'application/ocsp-request')
response = OpenSSL::OCSP::Response.new(reply.body)
if response.status != OpenSSL::OCSP::RESPONSE_STATUS_SUCCESSFUL
  puts response.status_string
  exit
end
basic = response.basic
abort 'its signature does not verify' unless basic.verify([ca], store)
abort 'its nonce is another' unless request.check_nonce(basic) == 1
single = basic.find_response(id) or abort 'it is about another certificate'
abort 'its times are wrong' unless single.check_validity(60)
good = single.cert_status == OpenSSL::OCSP::V_CERTSTATUS_GOOD
puts good ? 'good' : "revoked(#{single.revocation_reason})"
