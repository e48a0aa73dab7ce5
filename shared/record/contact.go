package record

// A Contact is one parent, carer or other contact of a pupil, with the
// relationship to that pupil: two pupils who share a parent have two records.
type Contact struct {
	PupilID PupilID `json:"pupil"`
	// ID is made by NewSubID from the MIS's contact id, or, where the route has
	// none, from names and relationship.
	ID             string    `json:"contact"`
	Title          string    `json:"Title,omitempty"`
	Forename       string    `json:"Forename,omitempty"`
	Surname        string    `json:"Surname,omitempty"`
	Relationship   string    `json:"Relationship,omitempty" codes:"contact_relationship"`
	Order          int       `json:"Order,omitempty"`
	Responsibility *bool     `json:"Responsibility,omitempty"`
	Phones         []Phone   `json:"Phones,omitempty"`
	Emails         []string  `json:"Emails,omitempty"`
	Addresses      []Address `json:"Addresses,omitempty"`
}

// A Phone is one telephone number; Type is H home, W work, M mobile (the CTF's
// TelephoneType) or empty.
type Phone struct {
	Type   string `json:"TelephoneType,omitempty" codes:"phone_type"`
	Number string `json:"PhoneNo"`
}

// An Address is a postal address as lines. A looked-after child's address may
// be confidential, so provisions ask for it by name or not at all.
type Address struct {
	Lines    []string `json:"AddressLines,omitempty"`
	PostCode string   `json:"PostCode,omitempty"`
}

// Dataset is DatasetContact.
func (c *Contact) Dataset() Dataset { return DatasetContact }

// Pupil is the id of the pupil whose contact this is.
func (c *Contact) Pupil() PupilID { return c.PupilID }

// Key is the pupil's id, a slash and the contact's id.
func (c *Contact) Key() Key { return subKey(c.PupilID, c.ID) }
