package ratelimit

import (
	"strconv"
	"strings"
	"time"
)

// A Rate says how many requests are allowed in which time. It is text, so that
// any configuration file can hold it:
//
//	100/minute                100 per minute; also second, hour, day, month
//	10/15m                    10 per 15 minutes; 15m is a Go duration
//	100/minute,burst=25       100 per minute, at most 25 of them at once
//	100/minute,fixed-window   100 in each window of a minute
//	10/hour,sliding-log       10 in any hour, wherever it begins
//	10/second; 1000/day       both: 10 per second, and 1000 per day
//	unlimited                 no limit, and no header fields
//
// The parts of a Rate are:
//
//   - The number of requests: 1 to 1,000,000,000, without sign, spaces and
//     leading zeros. At most 1,000,000 a second.
//   - The window, after the slash: one of the five words, or whole seconds
//     written as a duration. At least 1 second, at most 366 days. A day is 24
//     hours and a month is 30 days, unless Config.Calendar is set.
//   - The algorithm, after a comma: "fixed-window" is [FixedWindow], and
//     "sliding-log" is [SlidingLog] for at most 64 requests. Default: [GCRA].
//   - The burst, after a comma: how many requests pass at once after a pause.
//     It is for a GCRA. Default: the number of requests. A burst above that
//     number must be restored within 366 days.
//   - Further windows, after a semicolon and at most one space. A request needs
//     room in all windows. It takes from all of them or from none. At most 4
//     windows, of different lengths.
type Rate string

// Tiers are rates by [bulwark.Principal.Tier]. A caller whose tier is empty, or
// has no entry, has the default rate. The entry "default" may stand in place of
// Config.Rate.
type Tiers map[string]Rate

const (
	maxNumber  = 1_000_000_000
	maxPeriod  = 366 * 24 * time.Hour
	maxWindows = 4
	// minUnit is the least time per request: rounding it up to whole
	// nanoseconds then changes a rate by at most a thousandth.
	minUnit = int64(time.Microsecond)
)

// A rateFault is what is wrong with a Rate, or with a window of it.
type rateFault struct{ text, reason string }

// parse compiles the rate of the limit with that name, or says what is wrong
// with each of its windows. A calendar, if there is one, has the days and
// months.
func (r Rate) parse(limit string, calendar *time.Location) (*quota, []rateFault) {
	if r == "unlimited" {
		return &quota{unlimited: true}, nil
	}
	texts := strings.Split(string(r), ";")
	if len(texts) > maxWindows {
		return nil, []rateFault{{string(r), "has more than 4 windows; write at most 4, without windows that another one already bounds"}}
	}
	var faults []rateFault
	q := new(quota)
	for i, text := range texts {
		if i > 0 {
			text = strings.TrimPrefix(text, " ")
		}
		s, word, reason := parseSpan(text, calendar)
		if reason == "" {
			reason = q.add(s, word)
		}
		if reason != "" {
			faults = append(faults, rateFault{text, reason})
		}
	}
	if faults != nil {
		return nil, faults
	}
	q.named(limit)
	return q, nil
}

// parseSpan compiles one window of a rate, or says what is wrong with it. Its
// word is the name of the window.
func parseSpan(text string, calendar *time.Location) (s span, word, reason string) {
	switch {
	case text == "":
		return s, "", `is missing; write for example "100/minute" or "unlimited"`
	case text == "unlimited":
		return s, "", `stands beside another window, which bounds it; write one of the two`
	case strings.ContainsAny(text, " \t\r\n"):
		return s, "", `has a space or a line break; write it without, for example "100/minute"`
	}
	text, option, hasOption := strings.Cut(text, ",")
	number, unit, ok := strings.Cut(text, "/")
	if !ok {
		return s, "", `is not a rate; write for example "100/minute" or "unlimited"`
	}
	limit, ok := parseNumber(number)
	if !ok {
		return s, "", `must begin with a whole number from 1 to 1000000000; write for example "100/minute"`
	}
	period, ok := parsePeriod(unit)
	if !ok {
		return s, "", `must have second, minute, hour, day, month or a duration after the slash; write for example "100/minute" or "100/15m", in whole seconds up to 366 days`
	}
	s.narrow = Policy{Algorithm: GCRA, Limit: limit, Window: period, Burst: limit}
	if calendar != nil && (unit == "day" || unit == "month") {
		s.narrow.Algorithm = FixedWindow
		s.calendar = newCalendar(calendar, unit == "month")
	}
	if hasOption {
		if reason = s.option(option); reason != "" {
			return s, "", reason
		}
	}
	return s, periodWord(period), s.fault()
}

// option compiles what stands after the comma.
func (s *span) option(text string) (reason string) {
	burst, isBurst := strings.CutPrefix(text, "burst=")
	number, isNumber := parseNumber(burst)
	switch {
	case text == "fixed-window":
		s.narrow.Algorithm = FixedWindow
	case s.calendar != nil:
		return `has a part after the comma that a day or month of the Calendar cannot have; end before the comma, or write "24h" or "720h" in place of the word`
	case text == "sliding-log":
		s.narrow.Algorithm = SlidingLog
	case isBurst && isNumber:
		s.narrow.Burst = number
	case strings.Contains(text, "/"):
		return `has a further window after a comma; write a semicolon before it, for example "10/second; 1000/day"`
	case strings.Contains(text, ","):
		return `has more than one part after the comma; write one of them, because only the default algorithm has a burst`
	default:
		return `has a wrong part after the comma; write ",burst=" and a whole number from 1 to 1000000000, ",fixed-window" or ",sliding-log", or end before the comma`
	}
	return ""
}

// parseNumber reads 1 to maxNumber in the one way to write it.
func parseNumber(text string) (int64, bool) {
	if text == "" || text[0] < '1' || text[0] > '9' {
		return 0, false
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil && n <= maxNumber
}

var periods = []struct {
	word   string
	period time.Duration
}{
	{"second", time.Second}, {"minute", time.Minute}, {"hour", time.Hour},
	{"day", 24 * time.Hour}, {"month", 30 * 24 * time.Hour},
}

func parsePeriod(text string) (time.Duration, bool) {
	for _, p := range periods {
		if text == p.word {
			return p.period, true
		}
	}
	if text == "" || text[0] < '1' || text[0] > '9' {
		return 0, false
	}
	period, err := time.ParseDuration(text)
	// The window is announced in whole seconds, and must be what is enforced.
	return period, err == nil && period >= time.Second && period <= maxPeriod && period%time.Second == 0
}

// periodWord is a name for a window of that length, such as "day" or "15m".
func periodWord(period time.Duration) string {
	for _, p := range periods {
		if period == p.period {
			return p.word
		}
	}
	text := period.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
