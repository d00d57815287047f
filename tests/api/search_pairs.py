"""What people type, what was written, and whether it is found: by script."""

from __future__ import annotations

from typing import NamedTuple


class Pair(NamedTuple):
    """Something typed into the search, and a message."""

    script: str
    typed: str
    written: str
    found: bool = True
    marked: str | None = None  # what of the message is marked, joined by |; None: nobody looks


PAIRS = (
    # Latin, with its many letters
    Pair("Latin", "andre", "Merci André !", marked="André"),
    Pair("Latin", "ANDRÉ", "merci andre", marked="andre"),
    Pair("Latin", "André", "Andre\u0301 (NFD)", marked="Andre\u0301"),
    Pair("Latin", "Andre\u0301", "André (NFC)", marked="André"),
    Pair("Latin", "istanbul", "İstanbul şehri", marked="İstanbul"),
    Pair("Latin", "İSTANBUL", "istanbul ve ıstanbul"),
    Pair("Latin", "lodz", "Wysyłka: Łódź", marked="Łódź"),
    Pair("Latin", "wysylka", "Wysyłka: Łódź"),
    Pair("Latin", "strasse", "Hauptstraße 5, große Straße", marked="Straße"),
    Pair("Latin", "Straße", "STRASSE", marked="STRASSE"),
    Pair("Latin", "orsted", "Ørsted og Åse"),
    Pair("Latin", "aero", "Ærø"),
    Pair("Latin", "fin", "ﬁnale Version", marked="ﬁnale"),
    Pair("Latin", "thor", "Þór Sigurðsson"),
    Pair("Latin", "sigurdsson", "Þór Sigurðsson"),
    Pair("Latin", "da nang", "Giao hàng Đà Nẵng", marked="Đà|Nẵng"),
    Pair("Latin", "abc123", "code ＡＢＣ１２３", marked="ＡＢＣ１２３"),
    Pair("Latin", "password", "pass\u00adword re\u00adset", marked="pass\u00adword"),
    Pair("Latin", "password", "pass\u200bword"),
    Pair("Latin", "word", "pass\u200bword"),
    Pair("Latin", "password", "pass\u2060wo\ufeffrd"),
    Pair("Latin", "resume", "Résumés anbei", marked="Résumés"),
    Pair("Latin", "sume", "Résumés anbei", found=False),
    Pair("Latin", "anders", "André", found=False),
    Pair("Latin", "obrien", "Mr O’Brien called", marked="O’Brien"),
    Pair("Latin", "o'brien", "Mr O’Brien called"),
    Pair("Latin", "O’Brien", "obrien"),
    Pair("Latin", "brien", "Mr O’Brien called", marked="Brien"),
    Pair("Latin", "ozbekiston", "Oʻzbekiston Respublikasi", marked="Oʻzbekiston"),
    Pair("Latin", "a4711", "Order A-4711.", marked="A-4711"),
    Pair("Latin", "A-4711", "order a4711", marked="a4711"),
    Pair("Latin", "a-4711", "order A 4711"),
    Pair("Latin", "4711", "Order A-4711.", marked="4711"),
    Pair("Latin", "a4712", "Order A-4711.", found=False),
    Pair("Latin", "wifi", "Wi-Fi is down", marked="Wi-Fi"),
    Pair("Latin", "inv202600042", "INV-2026/00042"),
    # Telephone numbers and other figures
    Pair("Digits", "79991234567", "Call +7 (999) 123-45-67, please", marked="7 (999) 123-45-67"),
    Pair("Digits", "9991234567", "Call +7 (999) 123-45-67, please", marked="999) 123-45-67"),
    Pair("Digits", "+7 999 123 45 67", "79991234567"),
    Pair("Digits", "1234567", "+7 999 123-45-67"),
    Pair("Digits", "2125550100", "(212) 555-0100"),
    Pair("Digits", "79991234568", "Call +7 (999) 123-45-67, please", found=False),
    Pair("Digits", "1000000", "Всего 1 000 000 ₽"),
    Pair("Digits", "4711", "طلب ٤٧١١", marked="٤٧١١"),
    Pair("Digits", "77", "№77"),
    # Cyrillic
    Pair("Cyrillic", "елка", "Ёлка и ёж", marked="Ёлка"),
    Pair("Cyrillic", "ёж", "ежи"),
    Pair("Cyrillic", "замок", "за\u0301мок и замо\u0301к", marked="за\u0301мок|замо\u0301к"),
    Pair("Cyrillic", "мой", "мои вещи", found=False),
    Pair("Cyrillic", "мои\u0306", "мой заказ", marked="мой"),
    Pair("Cyrillic", "пять", "п’ять хвилин", marked="п’ять"),
    Pair("Cyrillic", "чтото", "что-то сломалось"),
    Pair("Cyrillic", "їжак", "ЇЖАК"),
    # Greek
    Pair("Greek", "αθηνα", "Αθήνα, Ελλάδα", marked="Αθήνα"),
    Pair("Greek", "ΟΔΟΣ", "οδός", marked="οδός"),
    Pair("Greek", "τω", "τῷ λόγῳ"),
    # Hebrew
    Pair("Hebrew", "שלום", "שָׁלוֹם לכולם", marked="שָׁלוֹם"),
    Pair("Hebrew", "שָׁלוֹם", "שלום"),
    Pair("Hebrew", "שלו", "שלום"),
    Pair("Hebrew", "צהל", "צה״ל"),
    Pair("Hebrew", "לום", "שלום", found=False),
    # Arabic and Persian
    Pair("Arabic", "محمد", "مُحَمَّد هنا", marked="مُحَمَّد"),
    Pair("Arabic", "احمد", "أحمد", marked="أحمد"),
    Pair("Arabic", "مدرسه", "مدرسة"),
    Pair("Arabic", "سلام", "ســـلام"),
    Pair("Arabic", "كتاب", "کتاب من"),
    Pair("Arabic", "میخواهم", "می\u200cخواهم"),
    Pair("Arabic", "می خواهم", "می\u200cخواهم"),
    Pair("Arabic", "حمد", "محمد", found=False),
    # Indian scripts: a vowel is a mark there
    Pair("Devanagari", "की", "राम की किताब", marked="की"),
    Pair("Devanagari", "की", "कर दो", found=False),
    Pair("Devanagari", "की", "किताब", found=False),
    Pair("Devanagari", "किता", "राम की किताब", marked="किताब"),
    Pair("Devanagari", "कलम", "क़लम"),
    Pair("Devanagari", "क़लम", "\u0958लम"),
    Pair("Devanagari", "हिन्दी", "हिन्\u200dदी में"),
    Pair("Bengali", "বাংলা", "আমার বাংলা", marked="বাংলা"),
    Pair("Bengali", "বি", "বাংলা", found=False),
    Pair("Bengali", "ড়", "ঘোড়া", found=False),
    Pair("Tamil", "தமிழ்", "நான் தமிழ் பேசுகிறேன்", marked="தமிழ்"),
    Pair("Tamil", "தா", "தமிழ்", found=False),
    Pair("Telugu", "తెలుగు", "నాకు తెలుగు వచ్చు", marked="తెలుగు"),
    Pair("Gurmukhi", "ਪੰਜਾਬੀ", "ਮੈਂ ਪੰਜਾਬੀ ਬੋਲਦਾ"),
    Pair("Gujarati", "ગુજ", "ગુજરાતી ભાષા", marked="ગુજરાતી"),
    Pair("Malayalam", "മലയാളം", "എന്റെ മലയാളം"),
    Pair("Sinhala", "ශ්‍රී", "ශ්‍රී ලංකා"),
    # Scripts without spaces between words: a part is found anywhere
    Pair("Thai", "รถยนต์", "ฉันอยากซื้อรถยนต์ใหม่", marked="รถยนต์"),
    Pair("Thai", "ซื้อ", "ฉันอยากซื้อรถยนต์ใหม่", marked="ซื้อ"),
    Pair("Thai", "รถ", "ฉันอยากซื้อรถยนต์ใหม่"),
    Pair("Thai", "รถใหม่", "ฉันอยากซื้อรถยนต์ใหม่", found=False),
    Pair("Lao", "ລາວ", "ປະເທດລາວ"),
    Pair("Khmer", "ខ្មែរ", "ភាសាខ្មែរល្អ"),
    Pair("Myanmar", "မြန်မာ", "ကျွန်တော်မြန်မာပါ"),
    Pair("Han", "京", "我在东京都工作", marked="京"),
    Pair("Han", "东京", "我在东京都工作", marked="东京"),
    Pair("Han", "京都", "我在东京都工作", marked="京都"),
    Pair("Han", "东京都", "东京和京都", found=False),
    Pair("Han", "工作 东京", "我在东京都工作", marked="东京|工作"),
    Pair("Han", "北京", "我在东京都工作", found=False),
    Pair("Kana", "ケース", "iPhoneケースはありますか", marked="ケース"),
    Pair("Kana", "iphone", "iPhoneケースはありますか", marked="iPhone"),
    Pair("Kana", "ガス", "ｶﾞｽ料金", marked="ｶﾞｽ"),
    Pair("Kana", "カス", "ガス料金", found=False),
    Pair("Kana", "ありま", "ケースはありますか"),
    Pair("Hangul", "보호", "개인정보보호법", marked="보호"),
    Pair("Hangul", "개인", "\u1100\u1162\u110b\u1175\u11ab 정보"),
    Pair("Hangul", "강", "개인정보", found=False),
    # And some more that have spaces
    Pair("Armenian", "հայաստան", "ՀԱՅԱՍՏԱՆ"),
    Pair("Georgian", "თბილისი", "ᲗᲑᲘᲚᲘᲡᲘ"),
    Pair("Ethiopic", "ሰላም", "ሰላም ነው", marked="ሰላም"),
)
