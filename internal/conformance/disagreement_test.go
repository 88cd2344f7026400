package conformance_test

import "slices"

// A disagreement is vectors whose verdict is not ours, and why.
type disagreement struct {
	file string
	ids  []int
	why  string
}

// mistaken are vectors that say what cannot be right.
var mistaken = []disagreement{
	{"json_web_signature", []int{367, 370}, "invalid by the vector, and byte for byte the token of tc357, which is valid by the vector"},
	{"json_web_signature", []int{372, 373}, "valid by the vector, and has a `?`, which is no base64url (RFC 7515 section 2); without it, it is the token of tc357"},
}

// policy are vectors that are valid and that we refuse, for a rule of ours.
// Without that rule each is accepted; a test shows it.
var policy = []disagreement{
	{"json_web_signature", []int{346, 350}, "PS384, by a key whose alg is PS256 (RFC 7517 section 4.4). The key of RFC 7520 has no alg; tc332 to tc340 are invalid for the same mismatch"},
	{"json_web_signature", []int{347, 351}, "ES512, by a key whose alg is ES521, which is no algorithm. The key of RFC 7520 has no alg; json_web_key tc19 is invalid for the same alg"},
}

// disputed reports whether the vector is one of those that we disagree with.
func disputed(list []disagreement, file string, id int) bool {
	return slices.ContainsFunc(list, func(d disagreement) bool {
		return d.file == file && slices.Contains(d.ids, id)
	})
}
