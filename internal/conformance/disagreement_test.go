package conformance_test

import "slices"

// A disagreement has vectors with another verdict than ours, and the reason.
type disagreement struct {
	file string
	ids  []int
	why  string
}

// mistaken are vectors that cannot be right.
var mistaken = []disagreement{
	{"json_web_signature", []int{367, 370}, "The vector expects invalid. The token is the same, byte for byte, as in tc357, which expects valid."},
	{"json_web_signature", []int{372, 373}, "The vector expects valid. The token contains a `?`, which is not a base64url character (RFC 7515 section 2). Without the `?` it is the token of tc357."},
}

// policy are valid vectors that we refuse because of a rule of this module.
// Without that rule each is accepted; a test shows it.
var policy = []disagreement{
	{"json_web_signature", []int{346, 350}, "The token has alg PS384, and the key has alg PS256 (RFC 7517 section 4.4). The key of RFC 7520 does not have an alg. The vectors expect tc332 to tc340 to be invalid because of the same mismatch."},
	{"json_web_signature", []int{347, 351}, "The token has alg ES512, and the key has alg ES521, which is not an algorithm. The key of RFC 7520 does not have an alg. The vectors expect json_web_key tc19 to be invalid because of the same alg."},
}

// disputed reports whether the vector is one of those that we disagree with.
func disputed(list []disagreement, file string, id int) bool {
	return slices.ContainsFunc(list, func(d disagreement) bool {
		return d.file == file && slices.Contains(d.ids, id)
	})
}
