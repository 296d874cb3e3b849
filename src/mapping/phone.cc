/*
 * phone.cc
 *		The one file in C++: libphonenumber behind a C function.
 *
 * No server function is called here (an error would jump over destructors),
 * and no exception leaves.
 */
#include "phone.h"

#include <cstring>
#include <string>

#include <phonenumbers/phonenumberutil.h>

using i18n::phonenumbers::PhoneNumberUtil;

static bool
copy(char *to, size_t size, const std::string &from)
{
	if (from.size() >= size)
		return false;
	std::memcpy(to, from.c_str(), from.size() + 1);
	return true;
}

/*
 * Ten digits with the usual punctuation, the first 2-9, dialled from a country
 * of the North American plan: no prefix can be part of it, so the general
 * parser (two thirds of the time) would only remove the punctuation.
 */
static bool
parse_north_american(const char *data, int length, const char *country, i18n::phonenumbers::PhoneNumber *number)
{
	unsigned long long value = 0;
	int				   digits = 0;

	if (std::strcmp(country, "US") != 0 && std::strcmp(country, "CA") != 0)
		return false;
	for (int i = 0; i < length; i++)
	{
		if (data[i] >= '0' && data[i] <= '9')
		{
			if (++digits > 10)
				return false;
			value = value * 10 + (data[i] - '0');
		}
		else if (std::strchr(" ()-.", data[i]) == nullptr || data[i] == '\0')
			return false;
	}
	if (digits != 10 || value < 2000000000ULL)
		return false;
	number->set_country_code(1);
	number->set_national_number(value);
	return true;
}

static bool
read(const char *data, int length, const char *country, PhoneNumber *result)
{
	const PhoneNumberUtil		   &util = *PhoneNumberUtil::GetInstance();
	i18n::phonenumbers::PhoneNumber number;
	std::string						national;
	std::string						region;

	if (!parse_north_american(data, length, country, &number) &&
		util.Parse(std::string(data, length), country, &number) != PhoneNumberUtil::NO_PARSING_ERROR)
		return false;
	/* IsValidNumber is these two steps; the region is wanted anyway and finding it costs most */
	util.GetRegionCodeForNumber(number, &region);
	/* "001" stands for numbers of no country (+800): Twenty has no code for them */
	if (region.size() != 2 || region == "ZZ" || !util.IsValidNumberForRegion(number, region))
		return false;
	util.GetNationalSignificantNumber(number, &national);
	if (!copy(result->extension, sizeof(result->extension), number.extension()))
		result->extension[0] = '\0';
	return copy(result->national, sizeof(result->national), national) &&
		   copy(result->country, sizeof(result->country), region) &&
		   copy(result->calling, sizeof(result->calling), "+" + std::to_string(number.country_code()));
}

int
flitmig_phone_read(const char *data, int length, const char *country, PhoneNumber *result) noexcept
{
	try
	{
		return read(data, length, country, result) ? 1 : 0;
	}
	catch (...)
	{
		return 0;
	}
}
