package documents

import (
	"cmp"
	"net/http"
	"net/netip"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/ratelimit"
)

// limits are those of logging in and signing up. The limits of every request
// stand in chain.go. All share one store.
type limits struct {
	store *ratelimit.MemoryStore

	// All requests to log in or sign up, right or wrong: each costs the time
	// of hashing a password.
	requests       *ratelimit.Middleware // of an address
	deviceRequests *ratelimit.Middleware // of the devices of an account

	// Wrong passwords. A limit by account alone would let one network lock its
	// owner out, so no site has more than half of it.
	address        *ratelimit.Middleware // of an address, for all accounts
	accountAddress *ratelimit.Middleware // of an address, for one account
	accountSite    *ratelimit.Middleware // of the network around it
	account        *ratelimit.Middleware // of everybody
	device         *ratelimit.Middleware // of a device that is known

	signUps *ratelimit.Middleware // of an address
}

func (a *App) openLimits() error {
	store := &ratelimit.MemoryStore{Max: 1 << 16}
	a.limits = &limits{store: store}
	for _, limit := range []struct {
		into **ratelimit.Middleware
		name string
		rate ratelimit.Rate
		key  ratelimit.Key
	}{
		{&a.limits.requests, "login-requests", "30/minute", ratelimit.ByIP},
		{&a.limits.deviceRequests, "login-device-requests", "10/minute", ratelimit.KeyFunc(a.deviceKey)},
		{&a.limits.address, "login-address", "10/hour", nil},
		{&a.limits.accountAddress, "login-account-address", "10/hour", nil},
		{&a.limits.accountSite, "login-account-site", "50/hour", nil},
		{&a.limits.account, "login-account", "100/hour", nil},
		{&a.limits.device, "login-device", "10/hour", nil},
		{&a.limits.signUps, "sign-up", "20/hour", nil},
	} {
		made, err := ratelimit.New(ratelimit.Config{Name: limit.name, Rate: limit.rate, Key: limit.key, Store: store})
		if err != nil {
			return err
		}
		*limit.into = made
	}
	return nil
}

// deviceAccount is the account that knows the device of r, or empty.
func (a *App) deviceAccount(r *http.Request) string {
	d, ok := deviceOf(r)
	if !ok {
		return ""
	}
	return a.accounts.owner(d)
}

// deviceKey counts by that account. A login that runs beside this one may just
// have replaced the device, so the address stands in for it.
func (a *App) deviceKey(r *http.Request) string {
	return cmp.Or(a.deviceAccount(r), ratelimit.AddressPrefix(bulwark.ClientIP(r)))
}

// requestLimit counts every request by address, and those of known devices by
// their account.
func (a *App) requestLimit() bulwark.LayerFunc {
	return func(next http.Handler) http.Handler {
		known, unknown := a.limits.deviceRequests.Wrap(next), a.limits.requests.Wrap(next)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if a.deviceAccount(r) != "" {
				known.ServeHTTP(w, r)
				return
			}
			unknown.ServeHTTP(w, r)
		})
	}
}

// takeLogin counts a login before its password is checked, so that guesses that
// run at once are all counted. What it returns takes the count back. Only the
// body tells the account, so what is no login at all is never counted: any page
// could lock its visitors out by sending garbage.
func (a *App) takeLogin(r *http.Request, email string) (refund func(), err error) {
	l, ctx, addr := a.limits, r.Context(), bulwark.ClientIP(r)
	var taken []*ratelimit.Reservation
	refund = func() {
		for _, one := range taken {
			one.Refund()
		}
	}
	take := func(one *ratelimit.Reservation, _ ratelimit.Result, failed error) {
		if failed != nil && err == nil {
			err = failed
		}
		taken = append(taken, one)
	}
	if d, ok := deviceOf(r); ok && a.accounts.knows(email, d) {
		take(l.device.Take(ctx, email, string(d[:])))
	} else {
		take(l.address.TakeFor(ctx, addr))
		take(l.accountAddress.TakeFor(ctx, addr, email))
		take(l.accountSite.Take(ctx, email, site(addr)))
		take(l.account.Take(ctx, email))
	}
	if err != nil {
		refund()
		return nil, err
	}
	return refund, nil
}

// site is the network that one customer of a provider usually has: the /48 of
// an IPv6 address and the /24 of an IPv4 one.
func site(addr netip.Addr) string {
	prefix := ratelimit.AddressPrefix(addr) // without zones and translators
	if wide, err := netip.ParsePrefix(prefix); err == nil {
		return netip.PrefixFrom(wide.Addr(), 48).Masked().String()
	}
	if v4, err := netip.ParseAddr(prefix); err == nil {
		return netip.PrefixFrom(v4, 24).Masked().String()
	}
	return prefix
}
