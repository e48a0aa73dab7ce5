package status

import (
	"strings"
	"time"
)

// A Part is one sentence about a school, or who acts, in English and with the key by which a page finds it in another
// language. Its placeholders are written {{.Name}}, as the pages' own texts have them.
type Part struct {
	Key     string // empty of a text that no other language has
	English string
	Values  map[string]Value
}

// A Value is what stands in a placeholder.
type Value struct {
	Text string
	Key  string    // of the text in another language, where it has one
	Time time.Time // a moment, seen from that of the verdict, instead of a text
	Day  bool      // only the day of the moment
}

// Plain is a Part of a text that is the same in every language, such as a number or a name.
func Plain(text string) Part { return Part{English: text} }

// Words is the part in English, seen from now in a school's zone; nil is London.
func (p Part) Words(now time.Time, zone *time.Location) string {
	if zone == nil {
		zone = london
	}
	text := p.English
	for name, v := range p.Values {
		words := v.Text
		switch {
		case !v.Time.IsZero() && v.Day:
			words = date(v.Time, now, zone)
		case !v.Time.IsZero():
			words = clockTime(v.Time, now, zone)
		}
		text = strings.ReplaceAll(text, "{{."+name+"}}", words)
	}
	return text
}

// sentences are those that the words come with, beside the ones of [Info]. The key of each is "status." and its name.
var sentences = map[string]string{
	"due":          "Expected by {{.By}}.",
	"late":         "We are checking. Phone after {{.After}}.",
	"heard-today":  "The agent was last heard from at {{.At}}.",
	"heard-before": "The agent was last heard from on {{.At}}.",
	"heard-never":  "The agent has never been heard from.",
	"paused-until": "Until {{.Until}}.",
	"paused-open":  "No end date was given.",
	"paused-phone": "Phone if needed.",
	"stopped":      "Stopped {{.Day}} by {{.By}}.",
	"stopped-when": "Stopped {{.Day}}.",
	"stopped-by":   "Stopped by {{.By}}.",
	"withdrawn":    "The school's own system has refused the access that it had given since {{.Day}}.",
	"weekend-sat":  "Saturday: no register is expected.",
	"weekend-sun":  "Sunday: no register is expected.",
}

// say is one of the sentences.
func say(name string, values map[string]Value) Part {
	return Part{Key: "status." + name, English: sentences[name], Values: values}
}

// Texts are all English texts of this package by their keys, so that a test holds the texts of the pages to them.
func Texts() map[string]string {
	texts := map[string]string{}
	for name, text := range sentences {
		texts["status."+name] = text
	}
	for _, i := range words {
		texts[i.Word.key("word")] = string(i.Word)
		texts[i.Word.key("meaning")] = i.Meaning
		texts[i.Word.key("owner")] = i.Owner
		if i.NextStep != "" {
			texts[i.Word.key("next")] = i.NextStep
		}
	}
	return texts
}

// key is the key of what is said of a word: its owner, its meaning, its next step.
func (w Word) key(what string) string {
	return "status." + what + "." + strings.ReplaceAll(strings.ToLower(string(w)), " ", "-")
}

// Meaning says what a word means.
func (w Word) Meaning() Part { return Part{Key: w.key("meaning"), English: w.Info().Meaning} }

// Acts says who acts on a word in general; a verdict may know better.
func (w Word) Acts() Part { return Part{Key: w.key("owner"), English: w.Info().Owner} }

// Next is the general next step; its English is empty where there is nothing to do.
func (w Word) Next() Part { return Part{Key: w.key("next"), English: w.Info().NextStep} }
