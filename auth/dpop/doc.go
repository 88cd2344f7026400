// Package dpop checks proofs of possession, DPoP (RFC 9449). A client proves
// with each request that it holds the key that its token is bound to. The
// packages jwt and introspection use the [Verifier] of this package.
//
// # Threat
//
// A bearer token works for everybody who has it. If it leaks through a log, a
// proxy or a script, an attacker can act as the caller.
//
// Proofs must also be checked strictly. Otherwise an attacker sends a stolen
// proof again, or to another URL. Or a script in the client makes proofs ahead
// of time, and the attacker uses them later.
//
// # Defence
//
//	proofs, err := dpop.New(dpop.Config{
//		Replays: &dpop.MemoryReplays{},
//	})
//	…
//	jwt.Config{…, DPoP: proofs}
//	bulwark.Edge{…, BaseURL: "https://api.example.com"}
//
// A token that is bound to a key is accepted only together with a proof: a
// small signed document in the header field DPoP. [Verifier.Check] reads it as
// strictly as package jwt reads a token. The proof must be:
//
//   - signed with the key that the token names,
//   - made for the method and the URL of this request,
//   - made for this token,
//   - made now, within [Config.Window],
//   - not used before.
//
// The URL is compared with the BaseURL of [bulwark.Edge], never with the Host
// header. [Config.Replays] remembers the used proofs. It is asked last, so that
// only the holder of a key can fill it.
//
// With [Config.NonceKey] a proof carries a nonce of this service, so that no
// proof can be made ahead of time.
//
// # Not covered
//
// A proof covers the method, the URI and the token of a request. It does not
// cover the body and the other header fields (RFC 9449 section 11.7). An
// attacker who can use the key of the client, such as a script in its page, can
// make proofs. This package does not issue the bound tokens: the authorization
// server does.
//
// # Errors
//
// The event of a refusal has a reason, and an error that names the field of
// [Config] to look at.
//
//   - A bad proof is 401 "auth.invalid_dpop_proof" with the reason "proof", or
//     "replay" if it has been used before.
//   - A proof of another key is 401 "auth.invalid_token" with the reason
//     "binding".
//   - A proof with an old nonce, or without a nonce, is 401
//     "auth.use_dpop_nonce" with the reason "nonce".
//   - If the store is full or does not answer, the answer is 503
//     "auth.unavailable" with the reason "store_full" or "store_unavailable".
//   - A Verifier that was made without [New], and a service without a BaseURL,
//     answer 500 "dpop.unconfigured".
//
// [New] returns an error that joins a *[bulwark.ConfigError] for each mistake.
//
// The Example of [New] shows a service, a client and an attacker. Another
// Example shows what New says about a wrong Config.
package dpop
