package fleetguide

import "testing"

// Each row of "What breaks today".
func TestWhatBreaksToday(t *testing.T) {
	one, two := run(t, alone()), run(t, alone())
	login, refresh := one.login("alice")
	key := one.key("partner")
	one.want(204, "a login at its own process", login...)
	one.want(204, "a key at its own process", header(key)...)

	t.Run("login", func(t *testing.T) { two.want(401, "a login of another process", login...) })
	t.Run("key", func(t *testing.T) { two.want(401, "a key of another process", header(key)...) })
	t.Run("restart", func(t *testing.T) {
		again := run(t, alone())
		again.want(401, "a login before a restart", login...)
	})
	// With the same secrets and stores of their own, the processes accept the
	// signature, and do not know the session.
	t.Run("secrets_alone", func(t *testing.T) {
		common := alone()
		first := run(t, common)
		second := common
		second.Sessions, second.Keys, second.Limits = alone().Sessions, alone().Keys, alone().Limits
		login, _ := first.login("alice")
		run(t, second).want(401, "a login of another process", login...)
	})
	t.Run("limit", func(t *testing.T) {
		common := alone()
		first, second := common, common
		first.Limits, second.Limits = alone().Limits, alone().Limits
		a, b := run(t, first), run(t, second)
		if n := passed(300, header(a.key("busy")), a, b); n < 200 {
			t.Errorf("two processes with limits of their own let %d requests pass, want 200", n)
		}
	})
	one.logout(refresh)
}
