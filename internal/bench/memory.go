package bench

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"io"
	"net/netip"
	"runtime"
	"strconv"

	"github.com/bulwark-go/bulwark/auth/jwt"
	"github.com/bulwark-go/bulwark/ratelimit"
)

// WriteMemory measures what callers leave behind in memory, writes it as
// Markdown, and returns how many bounds are met and a line for each that is
// missed.
func WriteMemory(w io.Writer) (met int, missed []string, err error) {
	perToken, err := cachedTokens(10_000)
	if err != nil {
		return 0, nil, err
	}
	growth, err := limitedNetworks(1_000_000)
	if err != nil {
		return 0, nil, err
	}
	fmt.Fprint(w, "\n### Memory\n\n| must | measured | |\n|---|---:|---|\n")
	for _, bound := range []struct {
		text      string
		got, most int64
	}{
		{"a caller whose verified token is cached: ≤ 1024 bytes", perToken, 1024},
		// Below a byte a key is what the runtime needs meanwhile.
		{"1,000,000 distinct IPv6 /64s: no growth of the heap after New, in bytes", growth, 1 << 20},
	} {
		verdict := "met"
		if met++; bound.got > bound.most {
			verdict = "**missed**"
			met, missed = met-1, append(missed, fmt.Sprintf("- Memory: %s, measured %d\n", bound.text, bound.got))
		}
		fmt.Fprintf(w, "| %s | %d | %s |\n", bound.text, bound.got, verdict)
	}
	return met, missed, nil
}

// cachedTokens returns how many bytes each of n callers costs a verifier that
// has just seen them all. They are signed by ES256, which signs quickly; what
// is kept is the same.
func cachedTokens(n int) (int64, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return 0, err
	}
	signer, err := jwt.NewSigner(jwt.SignerConfig{Key: key, Issuer: issuer})
	if err != nil {
		return 0, err
	}
	verifier, err := jwt.New(jwt.Config{Issuer: issuer, Audience: []string{audience}, Keys: jwt.StaticKeys(&key.PublicKey), CacheSize: n})
	if err != nil {
		return 0, err
	}
	before := heap()
	for i := range n {
		claims := tokenClaims()
		claims["sub"] = strconv.Itoa(i) + caller
		token, err := signer.Sign("at+jwt", claims)
		if err != nil {
			return 0, err
		}
		if _, err := verifier.Verify(context.Background(), token); err != nil {
			return 0, err
		}
	}
	kept := heap() - before
	runtime.KeepAlive(verifier)
	return kept / int64(n), nil
}

// limitedNetworks returns by how many bytes the heap grows when a limit by
// address has met n networks.
func limitedNetworks(n int) (int64, error) {
	limit, err := ratelimit.New(ratelimit.Config{Name: "address", Rate: "100/minute", Keys: n})
	if err != nil {
		return 0, err
	}
	before := heap()
	for i := range n {
		var octets [16]byte
		binary.BigEndian.PutUint64(octets[:], 0x2001_0db8_0000_0000|uint64(i))
		if _, _, err := limit.Take(context.Background(), ratelimit.AddressPrefix(netip.AddrFrom16(octets))); err != nil {
			return 0, err
		}
	}
	grown := heap() - before
	runtime.KeepAlive(limit)
	return grown, nil
}

// heap is what is reachable.
func heap() int64 {
	runtime.GC()
	runtime.GC() // the first may leave what finalizers held
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
