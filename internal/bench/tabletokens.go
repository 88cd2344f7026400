package bench

import "net/http"

// tokenTable measures a bearer token that an algorithm signs.
func tokenTable(a Algorithm) Table {
	alone, yardstick := aloneName(a), aloneName(RS256)
	load := Workloads()[0]
	load.Header = http.Header{"Authorization": {"Bearer " + a.Token()}}
	t := Table{
		Name: "Authentication: " + string(a) + ", whole middleware", Ours: tokenCold,
		Note: "Net of a handler without layers. Cold: each request verifies the signature, as with the peers. Warm: the verified token is in the cache.",
		Cases: []Case{
			bare(),
			plain(alone, "", verifyAlone(a)),
		},
		Musts: []Must{
			ratio("cold: ≤ 1.3× the verification alone", tokenCold, alone, 1.3),
		},
	}
	if a == RS256 {
		t.Musts = append(t.Musts, allocs("cold: ≤ 30 allocations", tokenCold, "", 30))
	} else {
		t.Cases = append(t.Cases, plain(yardstick, "", verifyAlone(RS256)))
	}
	for _, layer := range tokenLayers() {
		t.Cases = append(t.Cases, handled(layer.name, bareName, func() (http.Handler, error) {
			wrap, err := layer.wrap(a)
			if err != nil {
				return nil, err
			}
			return wrap(nothing), nil
		}, load))
	}
	t.Musts = append(t.Musts,
		ratio("warm: ≤ 0.1× the verification of RS256 alone", tokenWarm, yardstick, 0.1),
		allocs("warm: ≤ 3 allocations", tokenWarm, "", 3))
	return t
}

func aloneName(a Algorithm) string {
	return "standard library, " + map[Algorithm]string{
		RS256: "rsa.VerifyPKCS1v15 and SHA-256",
		ES256: "ecdsa.VerifyASN1 and SHA-256",
		EdDSA: "ed25519.Verify",
	}[a] + " alone"
}

// verifyAlone is the floor of a table.
func verifyAlone(a Algorithm) func() (func(), error) {
	return func() (func(), error) {
		verify, err := SignatureAlone(a, a.Token())
		return func() {
			if !verify() {
				panic("the signature is bad")
			}
		}, err
	}
}
