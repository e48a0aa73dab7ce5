package language

import (
	"fmt"
	"time"

	"rollbridge/shared/record"
	"rollbridge/shared/status"
)

// names are what a language calls days and months.
type names struct {
	days, shortDays     [7]string // from Sunday
	months, shortMonths [12]string
	am, pm              string
}

var calendar = map[Language]names{
	English: {
		days:        [7]string{"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"},
		shortDays:   [7]string{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"},
		months:      [12]string{"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"},
		shortMonths: [12]string{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"},
		am:          "am", pm: "pm",
	},
	Welsh: {
		days:        [7]string{"Dydd Sul", "Dydd Llun", "Dydd Mawrth", "Dydd Mercher", "Dydd Iau", "Dydd Gwener", "Dydd Sadwrn"},
		shortDays:   [7]string{"Sul", "Llun", "Maw", "Mer", "Iau", "Gwe", "Sad"},
		months:      [12]string{"Ionawr", "Chwefror", "Mawrth", "Ebrill", "Mai", "Mehefin", "Gorffennaf", "Awst", "Medi", "Hydref", "Tachwedd", "Rhagfyr"},
		shortMonths: [12]string{"Ion", "Chwef", "Maw", "Ebr", "Mai", "Meh", "Gorff", "Awst", "Medi", "Hyd", "Tach", "Rhag"},
		am:          "yb", pm: "yp",
	},
}

// Time is the time of day of a moment: "10:16am".
func (p *Printer) Time(t time.Time) string {
	t = t.In(status.London())
	return p.clock(t.Hour(), t.Minute())
}

// Clock is a time of day that belongs to no date: "9:45am".
func (p *Printer) Clock(d time.Duration) string {
	return p.clock(int(d/time.Hour), int(d%time.Hour/time.Minute))
}

func (p *Printer) clock(hour, minute int) string {
	half := calendar[p.language].am
	if hour >= 12 {
		half = calendar[p.language].pm
	}
	return fmt.Sprintf("%d:%02d%s", (hour+11)%12+1, minute, half)
}

// Date is the day of a moment with its weekday: "Monday 23 November 2026".
func (p *Printer) Date(t time.Time) string { return p.weekday(t.In(status.London())) }

// Day is a date of a record with its month in full: "23 November 2026". A date that is
// not known is said so.
func (p *Printer) Day(d record.Date) string {
	t := d.Time()
	if t.IsZero() {
		return p.T("web.unknown")
	}
	return fmt.Sprintf("%d %s %d", t.Day(), calendar[p.language].months[t.Month()-1], t.Year())
}

// ShortDate is the day of a moment as a cell of a table has it: "Mon 23 Nov 2026".
func (p *Printer) ShortDate(t time.Time) string {
	t = t.In(status.London())
	return fmt.Sprintf("%s %d", p.shortDay(t), t.Year())
}

func (p *Printer) weekday(t time.Time) string {
	c := calendar[p.language]
	return fmt.Sprintf("%s %d %s %d", c.days[t.Weekday()], t.Day(), c.months[t.Month()-1], t.Year())
}

func (p *Printer) shortDay(t time.Time) string {
	c := calendar[p.language]
	return fmt.Sprintf("%s %d %s", c.shortDays[t.Weekday()], t.Day(), c.shortMonths[t.Month()-1])
}

// Moment is a moment seen from now: "9:04am", "Fri 20 Nov at 3:10pm", with the year when
// it is another one.
func (p *Printer) Moment(t, now time.Time) string {
	t, now = t.In(status.London()), now.In(status.London())
	switch {
	case t.Year() == now.Year() && t.YearDay() == now.YearDay():
		return p.Time(t)
	case t.Year() == now.Year():
		return p.T("web.moment", "Day", p.shortDay(t), "Time", p.Time(t))
	}
	return p.T("web.moment", "Day", p.ShortDate(t), "Time", p.Time(t))
}

// Ago is how long before now a moment was, in the largest unit that says enough: "38
// minutes ago".
func (p *Printer) Ago(t, now time.Time) string {
	d := now.Sub(t)
	switch {
	case d < time.Minute:
		return p.T("web.ago.now")
	case d < time.Hour:
		return p.N("web.ago.minutes", int(d/time.Minute))
	case d < 48*time.Hour:
		return p.N("web.ago.hours", int(d/time.Hour))
	}
	return p.N("web.ago.days", int(d/(24*time.Hour)))
}

// Spell is a wait in words, rounded up.
func (p *Printer) Spell(d time.Duration) string {
	if d <= time.Minute {
		return p.N("web.seconds", int((d+time.Second-1)/time.Second))
	}
	return p.N("web.minutes", int((d+time.Minute-1)/time.Minute))
}
