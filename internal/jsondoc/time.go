package jsondoc

import (
	"math"
	"strings"
	"time"
)

// The formats of dates and times are here, because [Bind] must read every text
// that a schema accepts. Both use these functions.

// ParseDateTime reads a date-time of RFC 3339, section 5.6, and no more:
// package time also takes a comma for the fraction, and offsets beyond a day.
// Leap seconds come at the end of June and December (section 5.7). A leap
// second is read as the second that follows it, because package time has none.
func ParseDateTime(s string) (time.Time, bool) {
	if len(s) < len("2006-01-02T15:04:05Z") || s[10] != 'T' && s[10] != 't' {
		return time.Time{}, false
	}
	t, leap, ok := clock(s[:10], s[11:])
	if !ok {
		return time.Time{}, false
	}
	if !leap {
		return t, true
	}
	last := t.UTC()
	if month, day := last.Month(), last.Day(); !(month == time.June && day == 30 || month == time.December && day == 31) {
		return time.Time{}, false
	}
	t = t.Add(time.Second)
	return t, t.Year() <= 9999 // what time.Time can write
}

// ParseDate reads a full-date of RFC 3339 as the midnight of UTC that it begins
// with.
func ParseDate(s string) (time.Time, bool) {
	t, err := time.Parse(time.DateOnly, s)
	return t, err == nil && len(s) == len(time.DateOnly)
}

// ParseTime reads a full-time of RFC 3339, on the first day of the year 0, as
// package time does.
func ParseTime(s string) (time.Time, bool) {
	t, leap, ok := clock("0000-01-01", s)
	if leap {
		t = t.Add(time.Second)
	}
	return t, ok
}

// clock reads a full-time on a date. A leap second is read as the second before
// it, and only where it is 23:59 in UTC.
func clock(date, s string) (t time.Time, leap, ok bool) {
	if len(s) < len("15:04:05Z") || strings.ContainsRune(s, ',') || !digitsAt(s, 0, 2, 3, 5, 6, 8) {
		return t, false, false
	}
	if strings.HasSuffix(s, "z") {
		s = s[:len(s)-1] + "Z"
	}
	if n := len(s); !strings.HasSuffix(s, "Z") &&
		(n < len("15:04:05+00:00") || !digitsAt(s, n-5, n-3, n-2, n) || s[n-5:n-3] > "23" || s[n-2:] > "59") {
		return t, false, false
	}
	if leap = s[6:8] == "60"; leap {
		s = s[:6] + "59" + s[8:]
	}
	t, err := time.Parse(time.RFC3339Nano, date+"T"+s)
	if err != nil {
		return time.Time{}, false, false
	}
	last := t.UTC()
	return t, leap, !leap || last.Hour() == 23 && last.Minute() == 59
}

// digitsAt reports whether s has digits in the ranges from..to.
func digitsAt(s string, ranges ...int) bool {
	for ; len(ranges) > 1; ranges = ranges[2:] {
		for i := ranges[0]; i < ranges[1]; i++ {
			if i >= len(s) || s[i] < '0' || s[i] > '9' {
				return false
			}
		}
	}
	return true
}

const day = 24 * time.Hour

// ParseDuration reads a duration of RFC 3339, appendix A: "P3DT4H", "PT0S",
// "P2W". For a [time.Duration] a day has 24 hours, a month 30 days and a year
// 365 days. A duration that a time.Duration does not hold is refused.
func ParseDuration(s string) (time.Duration, bool) {
	rest, ok := strings.CutPrefix(s, "P")
	if !ok {
		return 0, false
	}
	date, clock, hasClock := strings.Cut(rest, "T")
	if number, week := strings.CutSuffix(date, "W"); week {
		d, ok := units(number+"W", "W", 7*day)
		return d, ok && !hasClock
	}
	total, ok := units(date, "YMD", 365*day, 30*day, day)
	if !hasClock {
		return total, ok && date != ""
	}
	within, also := units(clock, "HMS", time.Hour, time.Minute, time.Second)
	if !ok || !also || clock == "" || total > math.MaxInt64-within {
		return 0, false
	}
	return total + within, true
}

// units adds up numbers with units, in the order of names and without a gap
// between them.
func units(s, names string, sizes ...time.Duration) (time.Duration, bool) {
	var total time.Duration
	for last := -1; s != ""; {
		digits := 0
		for digits < len(s) && s[digits] >= '0' && s[digits] <= '9' {
			digits++
		}
		if digits == 0 || digits == len(s) {
			return 0, false
		}
		unit := strings.IndexByte(names, s[digits])
		if unit < 0 || last >= 0 && unit != last+1 {
			return 0, false
		}
		var n time.Duration
		for _, c := range s[:digits] {
			digit := time.Duration(c - '0')
			if n > (math.MaxInt64-digit)/10 {
				return 0, false
			}
			n = n*10 + digit
		}
		if n > (math.MaxInt64-total)/sizes[unit] {
			return 0, false
		}
		total += n * sizes[unit]
		last, s = unit, s[digits+1:]
	}
	return total, true
}

// ParseUUID reads the 36 characters of RFC 9562, section 4, in either case, and
// no braces, urn: or missing hyphens.
func ParseUUID(s string) (id [16]byte, ok bool) {
	if len(s) != 36 {
		return id, false
	}
	at := 0
	for i := range len(s) {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if s[i] != '-' {
				return id, false
			}
			continue
		}
		value := hexValue(s[i])
		if value < 0 {
			return id, false
		}
		id[at/2] = id[at/2]<<4 | byte(value)
		at++
	}
	return id, true
}

func hexValue(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// instant writes a date-time, a date or a time as package time reads it.
func instant(s string) (string, bool) {
	for _, parse := range [...]func(string) (time.Time, bool){ParseDateTime, ParseDate, ParseTime} {
		if t, ok := parse(s); ok {
			return t.Format(time.RFC3339Nano), true
		}
	}
	return "", false
}
