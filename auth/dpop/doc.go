// Package dpop checks that the client who sends a token holds the key that the
// token is bound to: proofs of possession, DPoP (RFC 9449). The packages jwt
// and introspection take its [Verifier].
//
// # Threat
//
// A bearer token is worth the same to everybody who has it: it leaks through a
// log, a proxy or a script, and the thief is the caller. A proof that is
// checked carelessly is stolen together with its token: it is sent again, sent
// to another URL, or made ahead of time and kept.
//
// # Defence
//
// A token that is bound to a key is accepted only beside a proof, a small
// signed document in the header field DPoP. [Verifier.Check] reads the proof as
// strictly as package jwt reads a token. The proof must be signed with the key
// that the token names. It must be made for the method and the URL of this
// request and for this very token, now, within [Config.Window]. The URL is
// compared with the BaseURL of [bulwark.Edge], never with the Host header. Each
// proof counts once: [Replays] remembers it, and is asked last, so that only
// the holder of a key fills the store.
//
// With [Config.NonceKey] a proof carries a nonce of this service, so that no
// proof can be made ahead of time.
//
// # Not covered
//
// A proof covers method, URI and token of a request, not its body and not its
// other header fields (RFC 9449 section 11.7). A thief who can use the key of
// the client, such as a script in its page, makes proofs of his own. Issuing
// bound tokens is the matter of the authorization server.
//
// # Errors
//
// A bad proof is 401 "auth.invalid_dpop_proof" with the reason "proof" or
// "replay". A proof of another key is 401 "auth.invalid_token" with the reason
// "binding". A proof without the nonce is 401 "auth.use_dpop_nonce". A store
// that is full or does not answer is 503 "auth.unavailable". A Verifier that
// was made without [New], and a service without a BaseURL, are 500
// "dpop.unconfigured". [New] joins a *[bulwark.ConfigError] for everything that
// is wrong.
//
// The Example shows a service, a client and a thief.
package dpop
