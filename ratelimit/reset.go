package ratelimit

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/nat64"
)

// Reset makes the quota of a key whole: an administrator unlocks a caller. The
// strings are those of [Middleware.Take], and Reset forgets what Take and TakeN
// have counted for them.
//
// If the limit has a Key, Reset also forgets the requests of that key. The
// strings then stand for the parts of the Key, in their order:
//
//   - For [ByPrincipal] the string is the Key of the principal; see
//     [bulwark.Principal.Key].
//   - For a [KeyFunc] it is the text that the function returns.
//   - For [ByHeader] it is the value of the field, if the field has one line.
//   - For [ByIP] it is an address, or the text of [AddressPrefix].
//
// With Join(ByPrincipal, KeyFunc(tenant)) a Reset takes two strings. If the
// number of strings is another one, or an address is not an address, only what
// Take has counted is forgotten. Reset cannot tell whether anything was
// counted.
//
// With Config.RateFor, Reset forgets what was counted by any rate of one
// window. It forgets what was counted by a rate of several windows only if this
// process has had a rate with the same windows.
//
// Reset is an event authz_admin with the reason "ratelimit.reset", and with the
// Name of the limit as its Rule. The event does not have the key. Outside a
// request the event goes to Config.Recorder.
//
// The error is a *[bulwark.Problem], as the error of Take: 400 "ratelimit.key"
// if a string is empty, or if there is no string, and 503
// "ratelimit.unavailable" if the Store failed. After a 503 some of the quotas
// may be whole. Then call Reset again.
func (m *Middleware) Reset(ctx context.Context, key ...string) error {
	if m.made() && len(key) == 0 {
		return m.unkeyed(errEmptyTaken)
	}
	return m.reset(ctx, netip.Addr{}, key)
}

// ResetFor is [Middleware.Reset] for a key that includes the address of a
// client, as [Middleware.TakeFor] counts it:
//
//	err := perLogin.ResetFor(ctx, addr, account)
//
// If the Key of the limit has [ByIP], ResetFor also forgets the requests of
// that address. The strings then stand for the other parts of the Key. If the
// Key has [ByPrincipal], ResetFor forgets the requests of that address for
// which auth found no caller.
//
// For an IPv6 address both its /64 network and the /48 network around it get a
// whole quota. An address that is not valid is 400 "ratelimit.client_address".
func (m *Middleware) ResetFor(ctx context.Context, addr netip.Addr, key ...string) error {
	if addr = nat64.Client(addr); m.made() && !addr.IsValid() {
		return m.unknownAddress(errBadAddress)
	}
	return m.reset(ctx, addr, key)
}

func (m *Middleware) reset(ctx context.Context, addr netip.Addr, key []string) error {
	if !m.made() {
		return m.unready()
	}
	if slices.Contains(key, "") {
		return m.unkeyed(errEmptyTaken)
	}
	families := [][][]byte{takenKeys(addr, key)}
	for _, space := range [...]byte{spaceKeyed, spaceAnonymous} {
		if keys := m.requestKeys(space, addr, key); keys != nil {
			families = append(families, keys)
		}
	}
	var failed error
	for _, keys := range families {
		failed = errors.Join(failed, m.makeWhole(ctx, keys))
	}
	if failed != nil {
		p := m.unavailable(failed)
		p.Err = fmt.Errorf("Config.Store failed, so the quota may not be whole; call Reset again: %w", failed)
		return p
	}
	bulwark.ReportContext(ctx, m.recorder, bulwark.Event{Name: bulwark.AuthzAdmin, Reason: "ratelimit.reset", Rule: m.name})
	return nil
}

// makeWhole resets every quota that the keys may have used: a tier of other
// windows or of another algorithm has cells of its own. One call has cells of
// one caller, so that a store of several nodes finds all of them on one node.
func (m *Middleware) makeWhole(ctx context.Context, keys [][]byte) error {
	var cells []Cell
	seen := map[cellName]bool{}
	add := func(c Cell) {
		name := cellName{c.Policy.Name, c.Policy.Algorithm, string(c.Key)}
		if !seen[name] {
			seen[name] = true
			cells = append(cells, c)
		}
	}
	for _, q := range append(m.quotas(), m.own.quotas()...) {
		for _, c := range q.cells(0, keys) {
			add(c)
		}
	}
	for _, c := range m.otherRates(keys) {
		add(c)
	}
	if len(cells) == 0 {
		return nil // all rates are unlimited
	}
	// From the narrowest key to the widest, as a Store may expect. The narrower
	// key has more bits of the address, so it is longer.
	slices.SortStableFunc(cells, func(a, b Cell) int { return len(b.Key) - len(a.Key) })
	return m.counts.Reset(ctx, cells)
}

// otherRates are cells of rates that RateFor may have told another process: of
// one window, by each algorithm.
func (m *Middleware) otherRates(keys [][]byte) (cells []Cell) {
	if m.own == nil {
		return nil
	}
	for _, a := range [...]Algorithm{GCRA, FixedWindow, SlidingLog} {
		if m.algorithms != nil && !slices.Contains(m.algorithms, a) {
			continue
		}
		for _, key := range keys {
			cells = append(cells, Cell{Key: key, Policy: Policy{Name: m.name, Algorithm: a, Limit: 1, Window: time.Second, Burst: 1}})
		}
	}
	return cells
}

// cellName is what identifies a cell; see [Store].
type cellName struct {
	policy    string
	algorithm Algorithm
	key       string
}

// requestKeys are the keys under which Wrap has counted requests of a caller,
// or nil if the strings do not fit the Key. With an address the strings stand
// for the other parts.
func (m *Middleware) requestKeys(space byte, addr netip.Addr, key []string) [][]byte {
	given := addr.IsValid()
	if space == spaceAnonymous && !(m.byPrincipal && given) {
		return nil
	}
	next := func() string {
		if len(key) == 0 {
			return ""
		}
		text := key[0]
		key = key[1:]
		return text
	}
	byAddr := false
	texts := make([]string, len(m.parts)) // empty for an address
	for i, p := range m.parts {
		if p.kind != ByIP && (p.kind != ByPrincipal || space != spaceAnonymous) {
			if texts[i] = next(); texts[i] == "" {
				return nil
			}
			continue
		}
		byAddr = true
		if !given {
			told := parseAddress(next())
			if !told.IsValid() || addr.IsValid() && told != addr {
				return nil
			}
			addr = told
		}
	}
	if len(m.parts) == 0 || len(key) > 0 || given && !byAddr {
		return nil
	}
	keys := [][]byte{m.requestKey(space, addr, texts, narrowBits)}
	if byAddr && addr.Is6() {
		keys = append(keys, m.requestKey(space, addr, texts, wideBits))
	}
	return keys
}

// requestKey is [Middleware.appendKey] for texts in place of a request.
func (m *Middleware) requestKey(space byte, addr netip.Addr, texts []string, bits int) []byte {
	b := []byte{space}
	for i, p := range m.parts {
		switch {
		case texts[i] == "":
			b = appendAddress(b, addr, bits)
		case p.kind == byHeader:
			b = appendSized(binary.LittleEndian.AppendUint32(b, 1), texts[i])
		default:
			b = appendSized(b, texts[i])
		}
	}
	return b
}

// parseAddress reads an address, or the network that AddressPrefix writes.
func parseAddress(text string) netip.Addr {
	if network, err := netip.ParsePrefix(text); err == nil {
		return nat64.Client(network.Addr())
	}
	addr, _ := netip.ParseAddr(text)
	return nat64.Client(addr)
}
