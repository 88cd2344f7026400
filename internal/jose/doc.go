// Package jose checks the signatures of JWS compact tokens with keys that the
// verifier has chosen (RFC 7515, 7517, 7518, 8037): the one strict path of
// access tokens, proofs of possession and the public vector suites.
//
// The verifier decides, not the token: [Rules] say which algorithms and types
// are accepted, a [Key] fits its own kind of algorithm only, and what a header
// says about where a key may be found is never read. What is refused is a
// [Fault], whose Reason is for the log.
//
// Package compact takes a token apart; what the claims say is the caller's
// matter.
package jose
