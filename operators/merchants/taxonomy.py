"""Merchant category codes to a three-level taxonomy of spending: family, category, detail.

Every code that ISO 18245 and the card schemes assign has an entry; so have the ranges that single airlines,
car-hire firms and hotels own (3000-3999). The middle level is the one that decayed sums are kept by.

Source: ISO 18245:2023; families after the UN's COICOP 2018 (what a household needs, what it likes, money itself).
"""

from typing import NamedTuple

from schemas.base import SpecialCategory


class Spending(NamedTuple):
    """Where a payment stands: ``family`` of four, ``category`` of nineteen, ``detail`` of about ninety."""

    family: str
    category: str
    detail: str


FAMILIES: dict[str, tuple[str, ...]] = {
    "living": (
        "groceries", "housing", "home", "utilities", "transport", "health", "education",
        "insurance", "tax",
    ),
    "leisure": ("dining", "travel", "entertainment", "subscriptions", "shopping"),
    "money": ("debt", "savings", "fees", "cash"),
    "other": ("other",),
}  # fmt: skip
FAMILY_OF: dict[str, str] = {
    category: family for family, held in FAMILIES.items() for category in held
}
UNKNOWN = Spending("other", "other", "unknown")

_TABLE = """
groceries     supermarkets        5300 5399 5411 5422
groceries     general_stores      5309-5331
groceries     speciality_food     5441-5499
groceries     alcohol             5715 5921
dining        restaurants         5812
dining        fast_food           5814
dining        bars                5813
dining        caterers            5811
travel        airlines            3000-3350 4511
travel        car_hire            3351-3500 7512-7519
travel        hotels              3501-3999 7011
travel        camping             7032 7033
travel        timeshares          7012
travel        cruises             4411
travel        boating             4457-4468
travel        airports            4582
travel        agencies            4722 4723 5962
travel        railways            4011
transport     public_transport    4111 4112 4131
transport     taxis               4121
transport     tolls               4784
transport     other_transport     4789
transport     fuel                5541 5542 5552 5172 5983
transport     vehicle_purchase    5511 5521 5551 5561 5571 5592 5598 5599
transport     vehicle_parts       5013 5531-5533
transport     parking             7523
transport     vehicle_care        7531-7549 7511
transport     breakdown_cover     8675
home          trades              1520-1799
home          building_materials  5039 5051 5072-5085 5198 5200-5251
home          garden              0780 5193 5261
home          furniture           5021 5712-5719
home          appliances          5046 5722
home          removals            4214 4225
home          mobile_homes        5271
home          laundry             7210-7217
home          personal_care       7230 7298
home          household_services  7251 7299 7342 7349 7393
home          photography         7221 7395
home          funerals            7261
home          clothing_hire       7296
home          repairs             7622-7699
home          tool_hire           7394
utilities     telephone           4812-4815 4821
utilities     internet            4816
utilities     energy_and_water    4900
housing       rent                6513
entertainment cinema              7829 7832
entertainment video_hire          7841
entertainment gambling            7800-7802 7995
entertainment dance               7911
entertainment theatre_and_music   7922 7929
entertainment sports              7932 7933 7941 7992
entertainment attractions         7991 7996 7998
entertainment arcades             7993 7994
entertainment recreation          7999
subscriptions television          4899
subscriptions digital_media       5815
subscriptions digital_games       5816
subscriptions apps                5817 5818
subscriptions by_mail             5968
subscriptions clubs               7997
shopping      clothing            5131-5139 5611-5655 5681-5699
shopping      shoes               5661
shopping      electronics         5044 5045 5065 5732 5734
shopping      music               5733 5735
shopping      second_hand         5931-5937 5832
shopping      bicycles            5940
shopping      sports_goods        5941
shopping      books               2741 5192 5942 5994
shopping      stationery          5111 5943 5978
shopping      jewellery           5094 5944
shopping      toys_and_hobbies    5945 5949 5970
shopping      cameras             5946
shopping      gifts               5947 5950 5992 5193
shopping      luggage             5948
shopping      art                 5971 5972
shopping      online              5960-5961 5963-5967 5969
shopping      tobacco             5993
shopping      pets                0742 5995
shopping      beauty              5977 5997
shopping      religious_goods     5973
shopping      other_goods         5099 5169 5199 5996 5998 5999 7278
health        doctors             8011 8031 8041 8049 8099
health        dentists            8021
health        opticians           8042-8044
health        hospitals           8062 4119
health        care_homes          8050
health        laboratories        8071
health        pharmacies          5122 5912
health        equipment           5047 5975 5976
health        counselling         7277
education     schools             8211 8241-8249 8299
education     universities        8220
education     childcare           8351
insurance     premiums            6300 6381 6399
debt          lenders             6012
debt          collection          7322
debt          pawn                5933
savings       brokers             6211
cash          withdrawals         6010 6011
other         money_transfer      4829 6051 6050 6538 6540
tax           taxes               9311
tax           fines_and_courts    9211-9223
tax           government          9399-9405
fees          credit_reports      7321
other         charities           8398
other         associations        8641 8699
other         political           8651
other         religious           8661
other         dating              7273
other         massage             7297
other         farming             0743-0763
other         printing            2791 7333-7338
other         cleaning_supplies   2842
other         couriers            4215 9402
other         tax_advice          7276 8931
other         legal               8111
other         architects          8911 8734
other         employment_agencies 7361 7339
other         software_services   7372-7379
other         business_services   7311 7392 7399 8999
other         card_scheme         9700-9702 9950
"""
"""Category, detail, codes. A code named twice belongs to its later line, so single codes refine ranges."""

_SPECIAL: dict[SpecialCategory, str] = {
    SpecialCategory.HEALTH: "4119 5047 5122 5912 5975 5976 7277 8011-8099",
    SpecialCategory.RELIGION: "5973 8641 8661",
    SpecialCategory.POLITICS: "8651",
    SpecialCategory.UNION: "8699",
    SpecialCategory.SEX_LIFE: "5967 7273 7297",
}
"""What a code alone reveals. 8641 takes in lodges and other bodies of belief, 8699 trade unions, 5967
adult content: where a code mixes, the careful reading holds."""


def _codes(text: str) -> list[int]:
    codes: list[int] = []
    for part in text.split():
        first, _, last = part.partition("-")
        codes += range(int(first), int(last or first) + 1)
    return codes


_SPENDING: dict[int, Spending] = {
    code: Spending(FAMILY_OF[category], category, detail)
    for category, detail, codes in (line.split(maxsplit=2) for line in _TABLE.strip().splitlines())
    for code in _codes(codes)
}
_REVEALS: dict[int, SpecialCategory] = {
    code: special for special, codes in _SPECIAL.items() for code in _codes(codes)
}


def of_code(mcc: str) -> Spending:
    """Where a merchant category code stands; `UNKNOWN` for one that nobody assigned.

    Example:
        >>> of_code("5411")
        Spending(family='living', category='groceries', detail='supermarkets')
        >>> of_code("3005").detail, of_code("9999").detail
        ('airlines', 'unknown')
    """
    return _SPENDING.get(int(mcc), UNKNOWN)


def special_of_code(mcc: str) -> SpecialCategory | None:
    """The special category of personal data that a code reveals (GDPR article 9), if any.

    Example:
        >>> special_of_code("8661"), special_of_code("5411")
        (<SpecialCategory.RELIGION: 'religion'>, None)
    """
    return _REVEALS.get(int(mcc))
