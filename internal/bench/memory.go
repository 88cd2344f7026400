package bench

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"runtime"
	"strconv"
	"strings"

	"github.com/bulwark-go/bulwark/auth/jwt"
	"github.com/bulwark-go/bulwark/ratelimit"
)

// WriteMemory measures what callers leave behind in memory, writes it as
// Markdown, and returns how many bounds are met and a line for each that is
// missed.
func WriteMemory(w io.Writer) (met int, missed []string, err error) {
	tokens, err := cachedTokens(nil, cacheSize, cacheSize*3/2)
	if err != nil {
		return 0, nil, err
	}
	crowded, err := cachedTokens(map[string]any{"scope": strings.Repeat("a ", 2500)}, cacheSize/20)
	if err != nil {
		return 0, nil, err
	}
	growth, err := limitedNetworks(1_000_000)
	if err != nil {
		return 0, nil, err
	}
	floods, err := Floods(1_000_000)
	if err != nil {
		return 0, nil, err
	}
	fmt.Fprint(w, "\n### Memory\n\n| must | measured | |\n|---|---:|---|\n")
	for _, bound := range []struct {
		text      string
		got, most int64
	}{
		{"100,000 callers whose verified tokens are cached: ≤ 1024 bytes each", tokens[0] / cacheSize, 1024},
		{"150,000 callers and a cache of 100,000 tokens: ≤ 1 KiB for each of the 100,000, in bytes", tokens[1], cacheSize << 10},
		{"5,000 callers with 2,500 scopes each and the same cache: not more than that, in bytes", crowded[0], cacheSize << 10},
		// Below a byte a key is what the runtime needs meanwhile.
		{"1,000,000 distinct IPv6 /64s: no growth of the heap after New, in bytes", growth, 1 << 20},
		{"the same for the whole middleware, in bytes", floods[0].Grown, 1 << 20},
		{"a client at 10/hour beside a flood of made-up keys, in a memory of 1,024 keys: at most 10 of 200 requests pass", floods[0].Passed, 10},
	} {
		verdict := "met"
		if met++; bound.got > bound.most {
			verdict = "**missed**"
			met, missed = met-1, append(missed, fmt.Sprintf("- Memory: %s, measured %d\n", bound.text, bound.got))
		}
		fmt.Fprintf(w, "| %s | %d | %s |\n", bound.text, bound.got, verdict)
	}
	writeFloods(w, floods)
	return met, missed, nil
}

// cacheSize is how many tokens a verifier remembers here.
const cacheSize = 100_000

// cachedTokens returns how many bytes a verifier keeps after each of the counts
// of callers, which ascend. Their tokens have the claims beside the usual ones,
// and are signed by ES256, which signs quickly; what is kept is the same.
func cachedTokens(claims map[string]any, counts ...int) (kept []int64, err error) {
	signer := ES256.signer()
	verifier, err := jwt.New(jwt.Config{Issuer: issuer, Audience: []string{audience}, Keys: signer.Keys(), MaxCached: cacheSize})
	if err != nil {
		return nil, err
	}
	before, callers := heap(), 0
	for _, count := range counts {
		for ; callers < count; callers++ {
			all := tokenClaims()
			maps.Copy(all, claims)
			all["sub"] = strconv.Itoa(callers) + caller
			token, err := signer.Sign("at+jwt", all)
			if err != nil {
				return nil, err
			}
			if _, err := verifier.Verify(context.Background(), token); err != nil {
				return nil, err
			}
		}
		kept = append(kept, heap()-before)
	}
	runtime.KeepAlive(verifier)
	return kept, nil
}

// limitedNetworks returns by how many bytes the heap grows when a limit by
// address has met n networks.
func limitedNetworks(n int) (int64, error) {
	limit, err := ratelimit.New(ratelimit.Config{Name: "address", Rate: "100/minute", MaxKeys: n})
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
