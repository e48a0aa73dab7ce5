package web

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"rollbridge/shared/record"
)

// An Option is one that a reader may choose. Text and Hint are ready to be shown.
type Option struct{ Value, Text, Hint string }

// A Field is one input with its label, its hint and what is wrong with it, for the blocks
// of pages/fields.html.
type Field struct {
	ID, Name, Label, Hint         string
	Value                         string
	Values                        []string // of boxes that are ticked
	Error, ErrorWord              string
	Type, Width, Complete, Keypad string
	Rows                          string
	Max                           string
	Options                       []Choosable
	Large                         bool // the label is the heading of the page
	Inline                        bool
	Day, Month, Year              string
	DayText, MonthText, YearText  string
	MaxText, MaxHint              string
}

// A Choosable is an option as it is drawn.
type Choosable struct {
	Option
	ID     string
	Chosen bool
}

// Input is for the blocks "input" and "textarea". label is a text's key. pairs are
// "hint" (a key), "value" (what is there before anything is typed), "type", "width" (2, 3,
// 4, 5, 10, 20, 30), "autocomplete", "inputmode", "rows", "max", "large" (true).
func (v *View) Input(field, label string, pairs ...any) Field {
	f := Field{ID: field, Name: field, Label: v.T(label), Type: "text", Rows: "5", ErrorWord: v.T("web.error"), Error: v.Problems.Of(field)}
	for i := 0; i+1 < len(pairs); i += 2 {
		value := pairs[i+1]
		switch fmt.Sprint(pairs[i]) {
		case "hint":
			f.Hint = v.T(fmt.Sprint(value))
		case "value":
			f.Value = plain(v, value)
			f.Values = list(value)
		case "type":
			f.Type = fmt.Sprint(value)
		case "width":
			f.Width = fmt.Sprint(value)
		case "autocomplete":
			f.Complete = fmt.Sprint(value)
		case "inputmode":
			f.Keypad = fmt.Sprint(value)
		case "rows":
			f.Rows = fmt.Sprint(value)
		case "max":
			f.Max = fmt.Sprint(value)
		case "large":
			f.Large = value == true
		case "inline":
			f.Inline = value == true
		}
	}
	if sent := v.typed(field); sent != nil {
		f.Values, f.Value = sent, strings.Join(sent[:min(1, len(sent))], "")
	}
	if f.Type == "password" {
		f.Value = ""
	}
	return f
}

// Choose is for the blocks "radios", "checkboxes" and "select"; pairs are those of Input.
func (v *View) Choose(field, label string, options []Option, pairs ...any) Field {
	f := v.Input(field, label, pairs...)
	if f.Values == nil && f.Value != "" {
		f.Values = []string{f.Value}
	}
	for i, o := range options {
		c := Choosable{Option: o, ID: field, Chosen: slices.Contains(f.Values, o.Value)}
		if i > 0 {
			c.ID += "-" + strconv.Itoa(i+1)
		}
		f.Options = append(f.Options, c)
	}
	return f
}

// DateInput is for the block "date"; the value is a time.Time or a record.Date.
func (v *View) DateInput(field, label string, pairs ...any) Field {
	f := v.Input(field, label, pairs...)
	f.DayText, f.MonthText, f.YearText = v.T("web.form.day"), v.T("web.form.month"), v.T("web.form.year")
	if day, month, year := v.typed(field+"-day"), v.typed(field+"-month"), v.typed(field+"-year"); day != nil || month != nil || year != nil {
		f.Day, f.Month, f.Year = strings.Join(day, ""), strings.Join(month, ""), strings.Join(year, "")
	} else if parts := strings.Split(f.Value, "-"); len(parts) == 3 {
		f.Year, f.Month, f.Day = parts[0], strings.TrimLeft(parts[1], "0"), strings.TrimLeft(parts[2], "0")
	}
	return f
}

// Value is what was typed into a field, else what else is given.
func (v *View) Value(field string, otherwise ...any) string {
	if sent := v.typed(field); len(sent) > 0 {
		return sent[0]
	}
	if len(otherwise) > 0 {
		return plain(v, otherwise[0])
	}
	return ""
}

// Error is what is wrong with a field.
func (v *View) Error(field string) string { return v.Problems.Of(field) }

// typed is nil for a form that was not sent and had no such field.
func (v *View) typed(field string) []string {
	switch {
	case v.visit.form != nil && v.visit.R.Method != http.MethodGet:
		if sent, there := v.visit.form.values[field]; there {
			return sent
		}
		return []string{}
	case v.visit.form != nil:
		return v.visit.form.values[field]
	case v.visit.kept != nil:
		return v.visit.kept[field]
	}
	return nil
}

func plain(v *View, value any) string {
	switch x := value.(type) {
	case time.Time:
		if x.IsZero() {
			return ""
		}
		return x.Format(time.DateOnly)
	case record.Date:
		if x.Time().IsZero() {
			return ""
		}
		return x.Time().Format(time.DateOnly)
	case time.Duration:
		return v.Clock(x)
	case []string, nil:
		return ""
	}
	return fmt.Sprint(value)
}

func list(value any) []string {
	l, _ := value.([]string)
	return l
}
