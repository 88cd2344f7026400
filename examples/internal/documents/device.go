package documents

import (
	"crypto/rand"
	"crypto/sha256"
	"net/http"
	"time"
)

// A device is a browser that has logged in to an account before. It has an
// allowance of its own for that account: strangers who use up the limits of the
// account, or of the address that a browser shares with them, do not lock it
// out. A browser that two people share is known for whoever logged in last.
type device [sha256.Size]byte

const (
	deviceCookie = "__Host-device"
	// deviceLifetime is how long a browser is known after its last login.
	deviceLifetime = 180 * 24 * time.Hour
	// maxDevices bounds the devices of an account; the one that has not logged
	// in for the longest time is forgotten first.
	maxDevices = 20
)

// deviceOf returns the device that sent r. The store keeps only the hash of
// what the cookie says.
func deviceOf(r *http.Request) (d device, ok bool) {
	cookie, err := r.Cookie(deviceCookie)
	if err != nil || len(cookie.Value) > 64 {
		return device{}, false
	}
	return sha256.Sum256([]byte(cookie.Value)), true
}

// rememberDevice makes the browser known for the account. What it has known is
// replaced, so that a copy of the cookie is worth nothing after the next login.
func (a *App) rememberDevice(w http.ResponseWriter, r *http.Request, account *Account) {
	if old, ok := deviceOf(r); ok {
		a.accounts.forget(old)
	}
	token := rand.Text()
	a.accounts.remember(account, sha256.Sum256([]byte(token)))
	http.SetCookie(w, &http.Cookie{
		Name: deviceCookie, Value: token, Path: "/", MaxAge: int(deviceLifetime / time.Second),
		HttpOnly: true, Secure: true, SameSite: http.SameSiteStrictMode,
	})
}

// keepingDevice wraps a logout. Clear-Site-Data for cookies would make the
// browser forget its device; the cookies of the session expire by name.
func keepingDevice(logout http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		logout.ServeHTTP(clearing{w}, r)
	})
}

type clearing struct{ http.ResponseWriter }

func (c clearing) WriteHeader(status int) {
	if header := c.Header(); header["Clear-Site-Data"] != nil {
		header.Set("Clear-Site-Data", `"cache", "storage"`)
	}
	c.ResponseWriter.WriteHeader(status)
}

// Unwrap is for [http.ResponseController].
func (c clearing) Unwrap() http.ResponseWriter { return c.ResponseWriter }
