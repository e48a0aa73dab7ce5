package children

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/runes"
	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"

	"rollbridge/collector/audit"
	"rollbridge/collector/portal/web"
	"rollbridge/collector/store"
	"rollbridge/shared/record"
)

const (
	maxSearch = 100
	// maxFound bounds what a search shows: whoever looks for one child can say more.
	maxFound = 50
)

// search finds children by name or UPN. It is a form that is sent, so that no name
// stands in an address, and it shows what it finds itself.
func (p pages) search(v *web.Visit) error {
	f := v.Form()
	text := f.Required("search", "children.search.label", "children.search.empty", maxSearch)
	all, err := p.site.Store.Children(v.Context(), p.site.Vault, v.Sight())
	if err != nil {
		return err
	}
	page := p.listPage(v, all)
	page.Search, page.Filter = true, filter{Standing: standingNow}
	if f.OK() {
		found := slices.DeleteFunc(slices.Clone(all), func(l store.Listing) bool { return !matches(l.Pupil, text) })
		order(found, "name")
		page.Found = len(found)
		shown := found[:min(len(found), maxFound)]
		page.Rows = words{v.Printer}.rows(shown)
		page.Paging = web.Paging{Page: 1, Pages: 1, Total: len(found)}
		if len(shown) == 0 {
			// That somebody looked for nobody is a look as well.
			err = v.Log(audit.ChildSearched, audit.Subject{})
		} else {
			err = p.logListed(v, audit.ChildSearched, shown)
		}
		if err != nil {
			return err
		}
	}
	return v.Show(templates, web.Page{Name: "list", Title: v.T("children.search.title"), Problems: f.Problems(), Data: page})
}

// matches says whether a child has a UPN, or has all words of the search in some of
// its names, at the beginning of a word or within one.
func matches(p *record.Pupil, text string) bool {
	if p == nil {
		return false
	}
	if upn := strings.ToUpper(strings.Join(strings.Fields(text), "")); upn == strings.ToUpper(p.UPN) || upn == strings.ToUpper(p.FormerUPN) {
		return upn != ""
	}
	names := fold(strings.Join([]string{p.Forename, p.MiddleNames, p.Surname, p.PreferredForename, p.PreferredSurname, p.FormerForename, p.FormerSurname}, " "))
	wanted := strings.Fields(fold(text))
	for _, word := range wanted {
		if !strings.Contains(names, word) {
			return false
		}
	}
	return len(wanted) > 0
}

// letters are those that do not come apart into a letter and an accent.
var letters = strings.NewReplacer("ł", "l", "ø", "o", "đ", "d", "ð", "d", "þ", "th", "æ", "ae", "œ", "oe", "ı", "i")

// fold makes letters that people type for each other the same: without case, accents
// and apostrophes. Each call has its own transformer, which keeps state.
func fold(s string) string {
	plain := transform.Chain(norm.NFKD, runes.Remove(runes.In(unicode.Mn)), norm.NFC)
	folded, _, err := transform.String(plain, s)
	if err != nil {
		folded = s
	}
	folded = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsLetter(r), unicode.IsNumber(r), unicode.IsMark(r):
			return r
		case r == '\'' || r == '’' || r == 'ʼ' || r == '‘':
			return -1
		}
		return ' '
	}, folded)
	return letters.Replace(cases.Fold().String(folded))
}
