package language

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"go.yaml.in/yaml/v3"
	"golang.org/x/text/language"
)

// A Language is one that the portal speaks, as an attribute lang writes it.
type Language string

// The languages.
const (
	English Language = "en"
	Welsh   Language = "cy"
)

// All lists the languages; the first is the one that is spoken where none is chosen.
func All() []Language { return []Language{English, Welsh} }

//go:embed messages/*.yaml
var files embed.FS

// bundle holds every text. The files are part of the program, so a mistake in one ends
// every test.
var bundle = func() *i18n.Bundle {
	b := i18n.NewBundle(language.English)
	b.RegisterUnmarshalFunc("yaml", yaml.Unmarshal)
	names, err := fs.Glob(files, "messages/*.yaml")
	for _, name := range names {
		if err == nil {
			_, err = b.LoadMessageFileFS(files, name)
		}
	}
	if err != nil {
		panic("language: a file of texts is damaged: " + err.Error())
	}
	return b
}()

// Sections lists the sections that have texts.
func Sections() (list []string) {
	names, _ := fs.Glob(files, "messages/*.en.yaml") // the pattern is well formed
	for _, name := range names {
		list = append(list, strings.TrimSuffix(path.Base(name), ".en.yaml"))
	}
	return list
}

// A Printer says things in one language. It may be used concurrently.
type Printer struct {
	language Language
	texts    *i18n.Localizer
}

var printers = map[Language]*Printer{
	English: {English, i18n.NewLocalizer(bundle, string(English))},
	Welsh:   {Welsh, i18n.NewLocalizer(bundle, string(Welsh))},
}

// In returns the printer of a language, of English for one that is not known.
func In(l Language) *Printer {
	if p, known := printers[l]; known {
		return p
	}
	return printers[English]
}

var spoken = language.NewMatcher([]language.Tag{language.English, language.Make("cy")})

// Asked returns the printer of what a browser asks for, by its header Accept-Language.
func Asked(header string) *Printer {
	tags, _, err := language.ParseAcceptLanguage(header)
	if err != nil {
		return In(English)
	}
	_, i, _ := spoken.Match(tags...)
	return In(All()[i])
}

// Language is the one that the printer speaks.
func (p *Printer) Language() Language { return p.language }

// T says a text. pairs are the names of its placeholders, each followed by what to put
// there. An unknown key comes back as it is; tests find it.
func (p *Printer) T(key string, pairs ...any) string {
	return p.say(&i18n.LocalizeConfig{MessageID: key, TemplateData: data(pairs)})
}

// N says a text that depends on a number, which its placeholder {{.Count}} shows.
func (p *Printer) N(key string, n int, pairs ...any) string {
	d := data(pairs)
	d["Count"] = p.Number(n)
	return p.say(&i18n.LocalizeConfig{MessageID: key, PluralCount: n, TemplateData: d})
}

func (p *Printer) say(c *i18n.LocalizeConfig) string {
	text, err := p.texts.Localize(c)
	if err != nil && text == "" {
		return c.MessageID
	}
	return text
}

func data(pairs []any) map[string]any {
	d := make(map[string]any, len(pairs)/2+1)
	for i := 0; i+1 < len(pairs); i += 2 {
		d[fmt.Sprint(pairs[i])] = pairs[i+1]
	}
	return d
}

// Number writes a whole number with commas between its thousands, as both languages do.
func (p *Printer) Number(n int) string {
	digits := strconv.Itoa(n)
	sign := ""
	if n < 0 {
		sign, digits = "-", digits[1:]
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return sign + digits
}

// List joins parts to one phrase: "a, b and c".
func (p *Printer) List(parts ...string) string {
	switch len(parts) {
	case 0:
		return ""
	case 1:
		return parts[0]
	}
	last := len(parts) - 1
	return p.T("web.list.last", "Rest", strings.Join(parts[:last], ", "), "Last", parts[last])
}
