package ratelimit

import (
	"strconv"
	"strings"
	"time"
)

// A Rate says how much is allowed, as text, so that it loads from any
// configuration file:
//
//	100/minute             per second, minute, hour or day
//	10/15m                 per whole seconds, as time.ParseDuration reads them
//	100/minute,burst=25    100 a minute, of which at most 25 at once
//	unlimited              no limit, and no header fields
//
// The number is 1 to 1,000,000,000 without sign or leading zero, at most
// 1,000,000 a second; the period is one second to 366 days. Burst is how much
// passes at once after a pause. Default: the number itself. [New] refuses a
// burst that would take longer than 366 days to be restored. It also refuses
// spaces, other units, zero and negative numbers.
type Rate string

// Tiers are rates by [bulwark.Principal.Tier]. A caller whose tier is empty or
// not among them has the default rate.
type Tiers map[string]Rate

const (
	maxNumber = 1_000_000_000
	maxPeriod = 366 * 24 * time.Hour
	// minUnit is the least time per request: rounding it up to whole
	// nanoseconds then changes a rate by at most a thousandth.
	minUnit = int64(time.Microsecond)
)

// parse compiles the rate, or says what is wrong with it.
func (r Rate) parse() (quota, string) {
	text := string(r)
	if text == "unlimited" {
		return quota{unlimited: true}, ""
	}
	text, option, hasOption := strings.Cut(text, ",")
	number, unit, ok := strings.Cut(text, "/")
	if !ok {
		return quota{}, `is no rate; write for example "100/minute" or "unlimited"`
	}
	limit, ok := parseNumber(number)
	if !ok {
		return quota{}, "must begin with a whole number from 1 to 1000000000"
	}
	period, ok := parsePeriod(unit)
	if !ok {
		return quota{}, `must name second, minute, hour, day or whole seconds up to 366 days such as "15m"`
	}
	burst := limit
	if hasOption {
		text, ok := strings.CutPrefix(option, "burst=")
		if burst, ok = parseIf(ok, text); !ok {
			return quota{}, `may go on with ",burst=" and a whole number from 1 to 1000000000, and with nothing else`
		}
	}
	return newQuota(limit, burst, period)
}

func parseIf(ok bool, text string) (int64, bool) {
	if !ok {
		return 0, false
	}
	return parseNumber(text)
}

// parseNumber reads 1 to maxNumber in the one way to write it.
func parseNumber(text string) (int64, bool) {
	if text == "" || text[0] < '1' || text[0] > '9' {
		return 0, false
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil && n <= maxNumber
}

func parsePeriod(text string) (time.Duration, bool) {
	switch text {
	case "second":
		return time.Second, true
	case "minute":
		return time.Minute, true
	case "hour":
		return time.Hour, true
	case "day":
		return 24 * time.Hour, true
	}
	if text == "" || text[0] < '1' || text[0] > '9' {
		return 0, false
	}
	period, err := time.ParseDuration(text)
	// The window is announced in whole seconds, and must be what is enforced.
	return period, err == nil && period >= time.Second && period <= maxPeriod && period%time.Second == 0
}
