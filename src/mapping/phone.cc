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

static bool
read(const char *data, int length, const char *country, PhoneNumber *result)
{
	const PhoneNumberUtil &util = *PhoneNumberUtil::GetInstance();
	i18n::phonenumbers::PhoneNumber number;
	std::string national;
	std::string region;

	if (util.Parse(std::string(data, length), country, &number) != PhoneNumberUtil::NO_PARSING_ERROR ||
		!util.IsValidNumber(number))
		return false;
	util.GetRegionCodeForNumber(number, &region);
	/* "001" stands for numbers of no country (+800): Twenty has no code for them */
	if (region.size() != 2 || region == "ZZ")
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
