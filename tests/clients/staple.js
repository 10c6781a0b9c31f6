// staple.js PORT URL-WITH-REQUEST KEY CHAIN - an HTTPS server that asks a responder for its staple
// when a client wants one, as Node has it: event OCSPRequest.
const fs = require('fs');
const http = require('http');
const https = require('https');

const [port, url, key, chain] = process.argv.slice(2);
const server = https.createServer(
  {key: fs.readFileSync(key), cert: fs.readFileSync(chain)},
  (request, response) => response.end('ok\n'));

server.on('OCSPRequest', (certificate, issuer, callback) => {
  http.get(url, (reply) => {
    const parts = [];
    reply.on('data', (part) => parts.push(part));
    reply.on('end', () => callback(null, Buffer.concat(parts)));
  }).on('error', callback);
});
server.listen(port, '127.0.0.1');
