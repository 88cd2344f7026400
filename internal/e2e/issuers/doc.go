// Package issuers runs the code of docs/issuers.md. Each Config of the page
// stands here as a function. A local server answers for the hosts of the
// issuers, over TLS, with the metadata, the key set and the tokens that each
// issuer documents.
package issuers
