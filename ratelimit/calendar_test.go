package ratelimit_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/faulttest"
	"github.com/bulwark-go/bulwark/ratelimit"
)

func place(name string) *time.Location { return bulwark.Must(time.LoadLocation(name)) }

func moment(text string) time.Time { return bulwark.Must(time.Parse(time.RFC3339, text)) }

// inSeconds is a time in whole seconds, rounded up.
func inSeconds(d time.Duration) string { return fmt.Sprint(int64((d + time.Second - 1) / time.Second)) }

// The ends of days and months where clocks change, at a time in the middle of
// seven of them.
func TestEnds(t *testing.T) {
	for _, test := range []struct {
		name   string
		place  string
		now    string
		months bool
		want   string
	}{
		{"spring", "Europe/Paris", "2026-03-29T12:00:00Z", false, // 29 March has 23 hours
			"03-25T23:00 03-26T23:00 03-27T23:00 03-28T23:00 03-29T22:00 03-30T22:00 03-31T22:00"},
		{"autumn", "Europe/Paris", "2026-10-25T12:00:00Z", false, // 25 October has 25 hours
			"10-21T22:00 10-22T22:00 10-23T22:00 10-24T22:00 10-25T23:00 10-26T23:00 10-27T23:00"},
		{"no_midnight", "America/Sao_Paulo", "2018-11-04T12:00:00Z", false, // 4 November begins at 1:00, and has 23 hours
			"11-01T03:00 11-02T03:00 11-03T03:00 11-04T03:00 11-05T02:00 11-06T02:00 11-07T02:00"},
		{"two_midnights", "America/Sao_Paulo", "2018-02-17T12:00:00Z", false, // 17 February has 23:00 twice
			"02-14T02:00 02-15T02:00 02-16T02:00 02-17T02:00 02-18T03:00 02-19T03:00 02-20T03:00"},
		{"no_midnight_in_asia", "Asia/Beirut", "2022-03-27T12:00:00Z", false,
			"03-23T22:00 03-24T22:00 03-25T22:00 03-26T22:00 03-27T21:00 03-28T21:00 03-29T21:00"},
		{"back_after_midnight", "America/St_Johns", "2006-10-28T12:00:00Z", false, // 29 October begins at 0:00, and again after 23:01
			"10-25T02:30 10-26T02:30 10-27T02:30 10-28T02:30 10-29T02:30 10-30T03:30 10-31T03:30"},
		{"half_an_hour", "Australia/Lord_Howe", "2026-04-05T06:00:00Z", false, // 5 April has 24.5 hours
			"04-01T13:00 04-02T13:00 04-03T13:00 04-04T13:00 04-05T13:30 04-06T13:30 04-07T13:30"},
		{"a_day_left_out", "Pacific/Apia", "2011-12-29T20:00:00Z", false, // 30 December 2011 did not come
			"12-26T10:00 12-27T10:00 12-28T10:00 12-29T10:00 12-30T10:00 12-31T10:00"},
		{"after_it", "Pacific/Apia", "2011-12-30T20:00:00Z", false,
			"12-28T10:00 12-29T10:00 12-30T10:00 12-31T10:00 01-01T10:00 01-02T10:00"},
		{"months", "UTC", "2024-02-29T12:00:00Z", true,
			"11-01T00:00 12-01T00:00 01-01T00:00 02-01T00:00 03-01T00:00 04-01T00:00 05-01T00:00"},
		{"months_of_a_place", "America/New_York", "2026-03-31T23:30:00-04:00", true,
			"12-01T05:00 01-01T05:00 02-01T05:00 03-01T05:00 04-01T04:00 05-01T04:00 06-01T04:00"},
		{"a_month_without_midnight", "America/Asuncion", "2017-10-01T12:00:00Z", true, // October begins at 1:00
			"07-01T04:00 08-01T04:00 09-01T04:00 10-01T04:00 11-01T03:00 12-01T03:00 01-01T03:00"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			for _, end := range ratelimit.Ends(place(test.place), test.months, moment(test.now)) {
				got = append(got, end.UTC().Format("01-02T15:04"))
			}
			if text := strings.Join(got, " "); text != test.want {
				t.Errorf("%s\nwant\n%s", text, test.want)
			}
		})
	}
}

// Everywhere, the ends of days and months are the first moments of their dates,
// and clocks that differ by hours find the same window among theirs.
func TestEndsEverywhere(t *testing.T) {
	window := func(ends []time.Time, now time.Time) (from, until time.Time) {
		i := slices.IndexFunc(ends, func(end time.Time) bool { return end.After(now) })
		if i < 1 {
			return from, until
		}
		return ends[i-1], ends[i]
	}
	for _, name := range []string{
		"UTC", "Europe/Paris", "Europe/London", "America/New_York", "America/Sao_Paulo", "America/St_Johns", "America/Asuncion", "America/Santiago", "America/Havana",
		"Asia/Beirut", "Asia/Tehran", "Asia/Gaza", "Asia/Kathmandu", "Asia/Amman", "Africa/Cairo", "Africa/Casablanca", "Atlantic/Azores", "Antarctica/Troll",
		"Australia/Lord_Howe", "Pacific/Apia", "Pacific/Kwajalein", "Pacific/Kiritimati", "Pacific/Chatham", "Pacific/Pago_Pago", "Pacific/Fakaofo",
	} {
		at := place(name)
		for _, months := range []bool{false, true} {
			step := 17*time.Hour + 13*time.Minute
			if months {
				step *= 9
			}
			for now := moment("1993-01-01T00:00:00Z"); now.Year() < 2032; now = now.Add(step) {
				if now.Year() == 1996 {
					now = moment("2004-01-01T00:00:00Z") // and so leave out eight years
				}
				ends := ratelimit.Ends(at, months, now)
				from, until := window(ends, now)
				if from.IsZero() || !slices.IsSortedFunc(ends, func(a, b time.Time) int { return a.Compare(b) }) {
					t.Fatalf("%s, %v: the ends %v do not hold it", name, now, ends)
				}
				before := until.Add(-time.Nanosecond)
				if _, _, day := until.Date(); before.Format(time.DateOnly) >= until.Format(time.DateOnly) || months && day != 1 {
					t.Fatalf("%s, %v: the window ends at %v", name, now, until)
				}
				if length := until.Sub(from); !months && (length < 22*time.Hour || length > 26*time.Hour) || months && (length < 27*24*time.Hour || length > 32*24*time.Hour) {
					t.Fatalf("%s, %v: the window has %v", name, now, length)
				}
				for _, off := range []time.Duration{-12 * time.Hour, -time.Hour, time.Hour, 12 * time.Hour} {
					if a, b := window(ratelimit.Ends(at, months, now.Add(off)), now); !a.Equal(from) || !b.Equal(until) {
						t.Fatalf("%s, %v: a clock that is %v off names %v to %v, want %v to %v", name, now, off, a, b, from, until)
					}
				}
			}
		}
	}
}

// The ends are computed once in each window, and again if the clock is set, be
// it forward or back.
func TestEndsFollowTheClock(t *testing.T) {
	paris, now := place("Europe/Paris"), moment("2026-05-20T12:00:00Z")
	times := []time.Time{now, now.Add(time.Hour), now.Add(-24 * time.Hour), now.Add(-48 * time.Hour), now.AddDate(0, -1, 0), now.AddDate(1, 0, 0), now.Add(-time.Hour)}
	all := ratelimit.EndsAt(paris, times...)
	for i, at := range times {
		if want := ratelimit.Ends(paris, false, at); !slices.EqualFunc(all[i], want, time.Time.Equal) {
			t.Errorf("at %v: %v, want %v", at, all[i], want)
		}
	}
	if &all[0][0] != &all[1][0] {
		t.Error("the ends of one day were computed twice")
	}
}

// A limit of a calendar through the days on which clocks change.
func TestCalendar(t *testing.T) {
	for name, test := range map[string]struct {
		place string
		rate  ratelimit.Rate
		begin string // where the test begins
		days  []time.Duration
	}{
		"spring":         {"Europe/Paris", "3/day", "2026-03-27T23:00:00Z", []time.Duration{24, 23, 24}},
		"autumn":         {"Europe/Paris", "3/day", "2026-10-23T22:00:00Z", []time.Duration{24, 25, 24}},
		"fixed_window":   {"Europe/Paris", "3/day,fixed-window", "2026-10-23T22:00:00Z", []time.Duration{24, 25, 24}},
		"no_midnight":    {"America/Sao_Paulo", "3/day", "2018-11-03T03:00:00Z", []time.Duration{24, 23, 24}},
		"two_midnights":  {"America/Sao_Paulo", "3/day", "2018-02-16T02:00:00Z", []time.Duration{24, 25, 24}},
		"a_day_left_out": {"Pacific/Apia", "3/day", "2011-12-28T10:00:00Z", []time.Duration{24, 24, 24, 24}},
		"leap_month":     {"UTC", "3/month", "2028-01-01T00:00:00Z", []time.Duration{31 * 24, 29 * 24, 31 * 24, 30 * 24}},
		"month":          {"Europe/Paris", "3/month", "2026-09-30T22:00:00Z", []time.Duration{31*24 + 1, 30 * 24, 31 * 24}},
		"beside_others":  {"Europe/Paris", "100/second; 3/day; 500/month", "2026-10-23T22:00:00Z", []time.Duration{24, 25, 24}},
	} {
		for _, addr := range []string{"192.0.2.1", "2001:db8::1"} {
			t.Run(name+"_"+addr[:3], func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					time.Sleep(time.Until(moment(test.begin).Add(-time.Second)))
					b := serve(t, ratelimit.Config{Key: ratelimit.ByIP, Rate: test.rate, Calendar: place(test.place)})
					b.passes(3, addr) // the window before
					time.Sleep(time.Second)
					for day, hours := range test.days {
						end := time.Now().Add(hours * time.Hour)
						time.Sleep(hours * time.Hour / 3)
						if got := b.passes(9, addr); got != 3 {
							t.Errorf("day %d: %d passed, want 3", day, got)
						}
						for _, before := range []time.Duration{hours * time.Hour / 2, time.Hour, time.Second, time.Nanosecond} {
							time.Sleep(time.Until(end.Add(-before)))
							res := b.from(addr)
							if got := res.Header.Get("Retry-After"); res.StatusCode != 429 || got != inSeconds(before) {
								t.Errorf("day %d: %d %v before its end, Retry-After %q, want %q", day, res.StatusCode, before, got, inSeconds(before))
							}
						}
						time.Sleep(time.Until(end))
					}
					if got := b.passes(9, addr); got != 3 {
						t.Errorf("%d passed afterwards, want 3", got)
					}
				})
			})
		}
	}
}

// A calendar's header fields name the length that a day or month usually has.
func TestCalendarHeaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(moment("2026-03-29T12:00:00+02:00")))
		b := serve(t, ratelimit.Config{Name: "api", Key: ratelimit.ByIP, Rate: "3/day; 9/month", Calendar: place("Europe/Paris")})
		h := b.from("192.0.2.1").Header
		if got, want := h.Get("RateLimit-Policy"), `"api-day";q=3;w=86400, "api-month";q=9;w=2592000`; got != want {
			t.Errorf("RateLimit-Policy %s, want %s", got, want)
		}
		if got, want := h.Get("RateLimit"), `"api-day";r=2;t=43200, "api-month";r=8;t=216000`; got != want {
			t.Errorf("RateLimit %s, want %s", got, want)
		}
	})
}

// Without a Calendar a day is 24 hours and a month 30 days from the first
// request on.
func TestADayAndAMonthWithoutACalendar(t *testing.T) {
	for rate, window := range map[ratelimit.Rate]time.Duration{"3/day,fixed-window": 24 * time.Hour, "3/month,fixed-window": 30 * 24 * time.Hour, "3/month,sliding-log": 30 * 24 * time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			time.Sleep(time.Until(moment("2026-03-29T12:00:00+02:00")))
			b := serve(t, ratelimit.Config{Key: ratelimit.ByIP, Rate: rate})
			b.passes(3, "192.0.2.1")
			time.Sleep(window - time.Nanosecond)
			if got := b.passes(3, "192.0.2.1"); got != 0 {
				t.Errorf("%s: %d passed within the window", rate, got)
			}
			time.Sleep(time.Nanosecond)
			if got := b.passes(9, "192.0.2.1"); got != 3 {
				t.Errorf("%s: %d passed after it", rate, got)
			}
		})
	}
}

// A Calendar without a day or month is a mistake, and so is a day of it that
// cannot follow it.
func TestCalendarErrors(t *testing.T) {
	paris := place("Europe/Paris")
	for name, test := range map[string]struct {
		config ratelimit.Config
		fields []string
		says   string
	}{
		"no_day":         {ratelimit.Config{Rate: "100/minute"}, []string{"Calendar"}, "a day or a month"},
		"24h":            {ratelimit.Config{Rate: "100/24h"}, []string{"Calendar"}, "a day or a month"},
		"unlimited":      {ratelimit.Config{Rate: "unlimited"}, []string{"Calendar"}, "a day or a month"},
		"bad_rate":       {ratelimit.Config{Rate: "100/minutes"}, []string{"Rate"}, "after the slash"},
		"burst":          {ratelimit.Config{Rate: "100/day,burst=5"}, []string{"Rate"}, `write "24h" or "720h"`},
		"sliding_log":    {ratelimit.Config{Rate: "10/month,sliding-log"}, []string{"Rate"}, `write "24h" or "720h"`},
		"in_a_window":    {ratelimit.Config{Rate: "10/minute; 100/day"}, nil, ""},
		"in_a_tier":      {ratelimit.Config{Key: ratelimit.ByPrincipal, Rate: "10/minute", Tiers: ratelimit.Tiers{"premium": "100/month"}}, nil, ""},
		"of_a_tier":      {ratelimit.Config{Key: ratelimit.ByPrincipal, Rate: "10/day", Tiers: ratelimit.Tiers{"premium": "100/month,burst=1"}}, []string{"Tiers[premium]"}, "after the comma"},
		"another_window": {ratelimit.Config{Rate: "10/day; 100/minute,burst=5; 3/hour,sliding-log"}, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			c := test.config
			c.Name, c.Calendar, c.MaxKeys = "n", paris, 8
			if c.Key == nil {
				c.Key = ratelimit.ByIP
			}
			_, err := ratelimit.New(c)
			var want []string
			for _, field := range test.fields {
				want = append(want, "ratelimit(n)."+field)
			}
			if got := faulttest.Fields(err); !slices.Equal(got, want) || test.says != "" && !strings.Contains(err.Error(), test.says) {
				t.Errorf("fields %q of %v, want %q and %q", got, err, want, test.says)
			}
		})
	}
}
