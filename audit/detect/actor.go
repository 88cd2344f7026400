package detect

import (
	"hash/maphash"
	"math/bits"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/nat64"
)

// An actor is an address, an account or a caller, by its hash.
type actor struct {
	key    uint64
	since  time.Duration // the time of the event, since the start of the Detector
	asked  bool          // the door
	told   bool          // the door
	knocks int           // that the door knew of before the event
}

// tag tells the actors of a set apart.
func (a *actor) tag() uint32 { return uint32(a.key>>32) | 1 }

// known returns how often the actor has knocked at the door before the event.
func (a *actor) known(d *door) int {
	if !a.asked {
		a.asked, a.knocks = true, d.known(a.key, a.since)
	}
	return a.knocks
}

// knock is known, and the door remembers the event, once.
func (a *actor) knock(d *door) int {
	before := a.known(d)
	if !a.told {
		a.told = true
		d.remember(a.key, before)
	}
	return before
}

func (d *Detector) hash(text string) uint64 { return maphash.String(d.seed, text) }

// join makes one hash of two, which are in order.
func join(a, b uint64) uint64 {
	a = (a ^ bits.RotateLeft64(b, 23)) * 0x9e3779b97f4a7c15
	return a ^ a>>32
}

// addressOf returns the network that a client is taken to own: the IPv4 address
// or the IPv6 /64.
func (d *Detector) addressOf(e *bulwark.Event, since time.Duration) (actor, bool) {
	addr := nat64.Client(e.ClientIP)
	if !addr.IsValid() {
		return actor{}, false
	}
	whole := addr.As16()
	network := whole[:]
	if addr.Is6() {
		network = whole[:8]
	}
	return actor{key: maphash.Bytes(d.seed, network), since: since}, true
}

// callerOf returns who asked for an object, together with the route. Anybody
// who is not known is counted by address.
func (d *Detector) callerOf(e *bulwark.Event, since time.Duration) (actor, bool) {
	route := d.hash(e.Route)
	if e.UserID != "" {
		return actor{key: join(join(d.hash(e.Issuer), d.hash(e.UserID)), route), since: since}, true
	}
	who, ok := d.addressOf(e, since)
	return actor{key: join(who.key, route), since: since}, ok
}
