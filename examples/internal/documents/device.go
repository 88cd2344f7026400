package documents

import (
	"crypto/rand"
	"crypto/sha256"
	"net/http"
	"time"
)

// A Device is a browser that has logged in to an account before. It has limits
// of its own for that account. So it is not locked out if strangers use up the
// limit of the account, or the limit of an address that it shares with them. If
// two people share a browser, it is the device of the person who logged in
// last.
type Device [sha256.Size]byte

const (
	deviceCookie = "__Host-device"
	// deviceLifetime is how long a browser is remembered after its last login.
	deviceLifetime = 180 * 24 * time.Hour
	// MaxDevices bounds the devices of an account. The device with the oldest
	// login is forgotten first.
	MaxDevices = 20
)

// deviceOf returns the device that sent r. The store keeps only a hash of the
// value of the cookie.
func deviceOf(r *http.Request) (d Device, ok bool) {
	cookie, err := r.Cookie(deviceCookie)
	if err != nil || len(cookie.Value) > 64 {
		return Device{}, false
	}
	return sha256.Sum256([]byte(cookie.Value)), true
}

// rememberDevice makes the browser a device of the account. It replaces an old
// cookie, so that a copy of the old cookie is worthless after this login. If
// the store does not answer, the login is good all the same, and the browser
// counts as unknown the next time.
func (a *App) rememberDevice(w http.ResponseWriter, r *http.Request, account *Account) {
	if old, ok := deviceOf(r); ok {
		if err := a.accounts.Forget(r.Context(), old); err != nil {
			return
		}
	}
	token := rand.Text()
	if err := a.accounts.Remember(r.Context(), account.ID, sha256.Sum256([]byte(token))); err != nil {
		return
	}
	http.SetCookie(w, &http.Cookie{
		Name: deviceCookie, Value: token, Path: "/", MaxAge: int(deviceLifetime / time.Second),
		HttpOnly: true, Secure: true, SameSite: http.SameSiteStrictMode,
	})
}
