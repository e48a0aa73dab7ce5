package tds

import (
	"encoding/binary"
	"errors"
	"math"
	"time"

	"rollbridge/e2e/standin/sqltype"
)

// Days on the wire are counted from these.
var (
	year1    = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
	year1900 = time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC)
)

const (
	secondsOfDay = 24 * 60 * 60
	ticksOfDay   = 300 * secondsOfDay // datetime counts three-hundredths of a second
	lastDay      = 3652058            // 9999-12-31, in days from year1
)

var errMoment = errors.New("a moment that the type does not hold")

// timeBytes is how many bytes hold a time of day with so many digits of a second.
func timeBytes(scale int) int {
	switch {
	case scale <= 2:
		return 3
	case scale <= 4:
		return 4
	}
	return 5
}

// momentBytes is how many bytes a time, datetime2 or datetimeoffset takes.
func momentBytes(t sqltype.Type) int {
	switch t.Kind {
	case sqltype.DateTime2:
		return timeBytes(t.Scale) + 3
	case sqltype.DateTimeOffset:
		return timeBytes(t.Scale) + 5
	}
	return timeBytes(t.Scale)
}

// days and the time of day of a moment's own clock.
func days(m, since time.Time) int {
	midnight := time.Date(m.Year(), m.Month(), m.Day(), 0, 0, 0, 0, time.UTC)
	return int((midnight.Unix() - since.Unix()) / secondsOfDay)
}

func timeOfDay(m time.Time) time.Duration {
	return time.Duration(m.Hour())*time.Hour + time.Duration(m.Minute())*time.Minute +
		time.Duration(m.Second())*time.Second + time.Duration(m.Nanosecond())
}

// step is the length of the last digit of a second.
func step(scale int) time.Duration {
	return time.Duration(math.Pow10(9 - scale))
}

// encodeMoment makes the bytes of a time.Time; digits of a second that the
// type does not have are cut off. ok is false for other values and types.
func encodeMoment(t sqltype.Type, v any) (b []byte, ok bool, err error) {
	m, isTime := v.(time.Time)
	if !isTime {
		return nil, false, nil
	}
	switch t.Kind {
	case sqltype.Date:
		b, err = appendDays(nil, m)
	case sqltype.Time:
		b = appendTime(nil, m, t.Scale)
	case sqltype.DateTime2:
		b, err = appendDays(appendTime(nil, m, t.Scale), m)
	case sqltype.DateTimeOffset:
		b, err = appendDays(appendTime(nil, m.UTC(), t.Scale), m.UTC())
		_, offset := m.Zone()
		b = binary.LittleEndian.AppendUint16(b, uint16(int16(offset/60)))
	case sqltype.DateTime:
		b, err = encodeDateTime(m)
	case sqltype.SmallDateTime:
		n := days(m, year1900)
		if n < 0 || n > math.MaxUint16 {
			return nil, true, errMoment
		}
		b = binary.LittleEndian.AppendUint16(nil, uint16(n))
		b = binary.LittleEndian.AppendUint16(b, uint16(timeOfDay(m)/time.Minute))
	default:
		return nil, false, nil
	}
	return b, true, err
}

func appendDays(b []byte, m time.Time) ([]byte, error) {
	n := days(m, year1)
	if n < 0 || n > lastDay {
		return nil, errMoment
	}
	return append(b, byte(n), byte(n>>8), byte(n>>16)), nil
}

func appendTime(b []byte, m time.Time, scale int) []byte {
	n := uint64(timeOfDay(m) / step(scale))
	return append(b, binary.LittleEndian.AppendUint64(nil, n)[:timeBytes(scale)]...)
}

// encodeDateTime rounds to three-hundredths of a second, as datetime does, and
// so may come to the next day.
func encodeDateTime(m time.Time) ([]byte, error) {
	n := days(m, year1900)
	ticks := int(math.Round(timeOfDay(m).Seconds() * 300))
	if ticks == ticksOfDay {
		n, ticks = n+1, 0
	}
	if m.Year() < 1753 || n > lastDay-days(year1900, year1) {
		return nil, errMoment
	}
	b := binary.LittleEndian.AppendUint32(nil, uint32(int32(n)))
	return binary.LittleEndian.AppendUint32(b, uint32(ticks)), nil
}

// decodeMoment reads a moment with UTC as a label, or its own offset.
func decodeMoment(t sqltype.Type, raw []byte) (time.Time, error) {
	switch t.Kind {
	case sqltype.Date:
		return decodeDays(raw)
	case sqltype.Time:
		return decodeTime(year1, raw, t.Scale)
	case sqltype.DateTime2:
		return decodeDayAndTime(raw, t.Scale)
	case sqltype.DateTimeOffset:
		m, err := decodeDayAndTime(raw[:len(raw)-2], t.Scale)
		offset := int(int16(binary.LittleEndian.Uint16(raw[len(raw)-2:])))
		if err != nil || offset < -14*60 || offset > 14*60 {
			return time.Time{}, broken("a moment with an offset that there is not")
		}
		return m.In(time.FixedZone("", offset*60)), nil
	case sqltype.SmallDateTime:
		minutes := int(binary.LittleEndian.Uint16(raw[2:]))
		if minutes >= 24*60 {
			return time.Time{}, broken("a smalldatetime of minute %d", minutes)
		}
		return year1900.AddDate(0, 0, int(binary.LittleEndian.Uint16(raw))).Add(time.Duration(minutes) * time.Minute), nil
	default:
		return decodeDateTime(raw)
	}
}

func decodeDays(raw []byte) (time.Time, error) {
	n := int(raw[0]) | int(raw[1])<<8 | int(raw[2])<<16
	if n > lastDay {
		return time.Time{}, broken("a day after the year 9999")
	}
	return year1.AddDate(0, 0, n), nil
}

func decodeTime(day time.Time, raw []byte, scale int) (time.Time, error) {
	var n uint64
	for i := len(raw) - 1; i >= 0; i-- {
		n = n<<8 | uint64(raw[i])
	}
	if n >= uint64(24*time.Hour/step(scale)) {
		return time.Time{}, broken("a time after midnight")
	}
	return day.Add(time.Duration(n) * step(scale)), nil
}

func decodeDayAndTime(raw []byte, scale int) (time.Time, error) {
	day, err := decodeDays(raw[len(raw)-3:])
	if err != nil {
		return day, err
	}
	return decodeTime(day, raw[:len(raw)-3], scale)
}

// decodeDateTime reads datetime, to the millisecond that SQL Server shows.
func decodeDateTime(raw []byte) (time.Time, error) {
	n := int(int32(binary.LittleEndian.Uint32(raw)))
	ticks := int64(binary.LittleEndian.Uint32(raw[4:]))
	if n < days(time.Date(1753, 1, 1, 0, 0, 0, 0, time.UTC), year1900) || n > lastDay-days(year1900, year1) || ticks >= ticksOfDay {
		return time.Time{}, broken("a datetime that there is not")
	}
	milliseconds := (ticks*10 + 1) / 3
	return year1900.AddDate(0, 0, n).Add(time.Duration(milliseconds) * time.Millisecond), nil
}
