package documents

import (
	"cmp"
	"context"
	"net/http"
	"net/netip"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/ratelimit"
)

// limits holds the limits on logins and sign-ups. The limits on every request
// are in chain.go. All limits share one store, Shared.Limits.
type limits struct {
	names []string // of the limits in this file

	// These count all requests to log in or sign up, because each request costs
	// the time of hashing a password.
	requests       *ratelimit.Middleware // by address
	deviceRequests *ratelimit.Middleware // by account, for its known devices

	// These count wrong passwords. With a limit by account alone, one network
	// could lock the owner of the account out. So a site has at most half of
	// that limit.
	address        *ratelimit.Middleware // by address, for all accounts
	accountAddress *ratelimit.Middleware // by address and account
	accountSite    *ratelimit.Middleware // by site and account
	account        *ratelimit.Middleware // by account
	device         *ratelimit.Middleware // by known device and account

	signUps *ratelimit.Middleware // sign-ups, by address
}

func (a *App) openLimits() error {
	a.limits = &limits{}
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
		made, err := ratelimit.New(ratelimit.Config{Name: limit.name, Rate: limit.rate, Key: limit.key, Store: a.shared.Limits})
		if err != nil {
			return err
		}
		*limit.into = made
		a.limits.names = append(a.limits.names, limit.name)
	}
	return nil
}

// deviceAccount returns the id of the account of the device that sent r, or "".
// If the store does not answer, the device counts as unknown, and the limit by
// address holds.
func (a *App) deviceAccount(r *http.Request) string {
	d, ok := deviceOf(r)
	if !ok {
		return ""
	}
	id, err := a.accounts.Owner(r.Context(), d)
	if err != nil {
		return ""
	}
	return id
}

// knows reports whether the device has logged in to the account before.
func (a *App) knows(ctx context.Context, email string, d Device) (bool, error) {
	id, err := a.accounts.Owner(ctx, d)
	if err != nil || id == "" {
		return false, err
	}
	account, err := a.accounts.ByEmail(ctx, email)
	return account != nil && account.ID == id, err
}

// deviceKey counts by the account of the device. If a login that runs at the
// same time has just replaced the device, it counts by the address.
func (a *App) deviceKey(r *http.Request) string {
	return cmp.Or(a.deviceAccount(r), ratelimit.AddressPrefix(bulwark.ClientIP(r)))
}

// requestLimit counts the requests of a known device by its account, and all
// other requests by address.
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
// run at once are all counted. The function refund gives the count back. A body
// that is not a login is not counted here. Otherwise any page could lock its
// visitors out by sending garbage.
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
	var known bool
	d, ok := deviceOf(r)
	if ok {
		if known, err = a.knows(ctx, email, d); err != nil {
			return nil, storeProblem(err)
		}
	}
	if known {
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

// site returns the network that one customer of a provider usually has: the /48
// network of an IPv6 address, or the /24 network of an IPv4 address.
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
