package mis

import (
	"slices"
	"strings"

	"rollbridge/shared/record"
)

const (
	driverFile   = "file"
	evidenceSite = "site"
)

// An Offer says what a profile can bring of a dataset.
type Offer string

// The offers.
const (
	// OfferWorks: the profile knows all that it needs.
	OfferWorks Offer = "works"
	// OfferSite: the school must say something first, because no public source
	// names it, or names it for every school alike.
	OfferSite Offer = "needs site configuration"
	// OfferNone: the MIS does not give it by this route.
	OfferNone Offer = "not offered"
)

// Offers says what the profile can bring of a dataset as it is shipped, without
// any site. What a table, a report or an interface calls things is then not
// known where the profile's evidence is "site"; what a school's own files call
// them is agreed with the school, so the headings of the profile hold.
func (p *Profile) Offers(d record.Dataset) Offer {
	own := p.Datasets[d]
	if own == nil {
		return OfferNone
	}
	if p.Driver == driverFile {
		return OfferWorks
	}
	if own.Evidence == evidenceSite {
		return OfferSite
	}
	if p.Driver == driverSQL {
		for name, need := range p.Needs {
			if need.Evidence == evidenceSite && strings.Contains(own.Who+own.Query.Text, name) {
				return OfferSite
			}
		}
		return OfferWorks
	}
	columns := own.Columns
	if own.Gate != nil {
		columns = overlaid(own.Gate.Columns, columns)
	}
	known := given(columns)
	for _, field := range descriptions[d].needed {
		asked := own.Confirm[field]
		if !slices.Contains(known, field) || asked != nil && !asked.Confirmed {
			return OfferSite
		}
	}
	if d.OfPupils() && len(known) < 2 {
		return OfferSite
	}
	return OfferWorks
}
