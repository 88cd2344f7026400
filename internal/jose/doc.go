// Package jose checks the signatures of JWS compact tokens with keys that the
// verifier has chosen (RFC 7515, 7517, 7518, 8037): the one strict path of
// access tokens, proofs of possession and the public vector suites.
//
// The verifier decides, not the token. [Rules] say which algorithms and types
// are accepted. A [Key] fits its own kind of algorithm only. A header cannot
// say where a key is found. A refusal is a [Fault], whose Reason is for the
// log.
//
// Package compact takes a token apart. The caller checks the claims.
package jose
