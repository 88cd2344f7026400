package ratelimit

import (
	"strconv"
	"strings"
	"time"
)

// A Rate says how many requests are allowed in which time. It is text, so that
// any configuration file can hold it:
//
//	100/minute             100 per minute; also second, hour and day
//	10/15m                 10 per 15 minutes; 15m is a Go duration
//	100/minute,burst=25    100 per minute, at most 25 of them at once
//	unlimited              no limit, and no header fields
//
// The parts of a Rate are:
//
//   - The number of requests: 1 to 1,000,000,000, without sign, spaces and
//     leading zeros. At most 1,000,000 a second.
//   - The window, after the slash: one of the four words, or whole seconds
//     written as a duration. At least 1 second, at most 366 days.
//   - The burst: how many requests pass at once after a pause. Default: the
//     number of requests. A burst above that number must be restored within 366
//     days.
type Rate string

// Tiers are rates by [bulwark.Principal.Tier]. A caller whose tier is empty, or
// has no entry, has the default rate. The entry "default" may stand in place of
// Config.Rate.
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
	switch {
	case text == "":
		return quota{}, `is missing; write for example "100/minute" or "unlimited"`
	case strings.ContainsAny(text, " \t\r\n"):
		return quota{}, `has a space or a line break; write it without, for example "100/minute"`
	}
	text, option, hasOption := strings.Cut(text, ",")
	number, unit, ok := strings.Cut(text, "/")
	if !ok {
		return quota{}, `is not a rate; write for example "100/minute" or "unlimited"`
	}
	limit, ok := parseNumber(number)
	if !ok {
		return quota{}, `must begin with a whole number from 1 to 1000000000; write for example "100/minute"`
	}
	period, ok := parsePeriod(unit)
	if !ok {
		return quota{}, `must have second, minute, hour, day or a duration after the slash; write for example "100/minute" or "100/15m", in whole seconds up to 366 days`
	}
	burst := limit
	if hasOption {
		text, ok := strings.CutPrefix(option, "burst=")
		if burst, ok = parseIf(ok, text); !ok {
			return quota{}, `has a wrong part after the comma; write ",burst=" and a whole number from 1 to 1000000000, or end before the comma`
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
